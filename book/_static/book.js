// Opened from the disk, a page may not read other pages, so the search shows titles without
// excerpts there; served over HTTP it shows both.
if (window.location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}
