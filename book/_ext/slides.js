// Turns the slides: arrow keys, page keys, space, Home, End, the buttons, and #3 for the third.
document.addEventListener("DOMContentLoaded", () => {
  const slides = [...document.querySelectorAll(".slide")];
  const nav = document.querySelector("nav");
  const asked = () => Math.max(Number(window.location.hash.slice(1)) || 1, 1) - 1;
  let now = 0;

  const show = (number) => {
    now = Math.min(Math.max(number, 0), slides.length - 1);
    slides.forEach((slide, position) => slide.classList.toggle("now", position === now));
    nav.querySelector('[role="status"]').textContent = `${now + 1} of ${slides.length}`;
    if (asked() !== now) window.history.replaceState(null, "", `#${now + 1}`);
    window.scrollTo(0, 0);
  };

  const steps = { ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1 };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.closest("button")) return;
    if (event.key in steps) show(now + steps[event.key]);
    else if (event.key === "Home") show(0);
    else if (event.key === "End") show(slides.length - 1);
    else return;
    event.preventDefault();
  });
  nav.querySelectorAll("button").forEach((button) => {
    button.addEventListener("click", () => show(now + Number(button.dataset.step)));
  });
  window.addEventListener("hashchange", () => show(asked()));
  nav.hidden = false;
  document.body.classList.add("running");
  show(asked());
});
