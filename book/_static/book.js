// Opened from the disk, a page may not read other pages, so the search shows titles without
// excerpts there; served over HTTP it shows both.
if (window.location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// What is wider than its box is scrolled from the keyboard. The theme sees to code and to outputs,
// but not to formulas and not to the tables of instruments.
function letScroll() {
  for (const box of document.querySelectorAll("main .math, main .instrument-table")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
}

// The theme folds the pages of a part beneath a name that has no words.
function nameFolds() {
  for (const fold of document.querySelectorAll("nav li > details > summary")) {
    fold.ariaLabel = `Pages of ${fold.closest("li").querySelector("a").textContent.trim()}`;
  }
}

window.addEventListener("load", letScroll);
window.addEventListener("resize", letScroll);
document.addEventListener("DOMContentLoaded", nameFolds);
