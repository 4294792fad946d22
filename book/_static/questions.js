// Compares the reader's answer. Without a script the explanations are folded below the question.
(() => {
  const enhance = (form) => {
    const labels = [...form.querySelectorAll("label")];
    const reasons = [...form.querySelectorAll("details > ul > li")];
    const said = form.querySelector('[role="status"]');
    form.querySelector("button").hidden = false;

    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = form.querySelector("input:checked");
      for (const [number, label] of labels.entries()) {
        label.classList.toggle("chosen", Boolean(chosen) && Number(chosen.value) === number);
        label.classList.toggle("right", Boolean(chosen) && "right" in reasons[number].dataset);
      }
      if (!chosen) {
        said.textContent = "Choose an answer first.";
        return;
      }
      const why = reasons[Number(chosen.value)].querySelector(".question-why");
      said.replaceChildren(...[...why.childNodes].map((node) => node.cloneNode(true)));
      form.querySelector("details").open = true;
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("form.question").forEach(enhance);
  });
})();
