// Makes the table of claims sortable and filterable. Without a script it reads as it is.
(() => {
  const CHOICES = { verdict: "Verdict", grade: "Grade", paper: "Paper" };
  const PAPERS = { N: "SWAT, NeurIPS", I: "SWAT, ICLR", F: "FST" };

  const labelled = (name, control) => {
    const label = document.createElement("label");
    label.append(`${name} `, control);
    return label;
  };

  const choice = (rows, key) => {
    const select = document.createElement("select");
    const values = [...new Set(rows.map((row) => row.dataset[key]))].sort();
    for (const value of ["", ...values]) {
      select.add(new Option(value === "" ? "all" : (key === "paper" && PAPERS[value]) || value, value));
    }
    return select;
  };

  const enhance = (table) => {
    const rows = [...table.tBodies[0].rows];
    const controls = Object.fromEntries(Object.keys(CHOICES).map((key) => [key, choice(rows, key)]));
    const words = document.createElement("input");
    words.type = "search";
    const count = document.createElement("output");
    count.setAttribute("aria-live", "polite");

    const filter = () => {
      const wanted = words.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        const fits = Object.entries(controls).every(
          ([key, control]) => control.value === "" || row.dataset[key] === control.value,
        );
        row.hidden = !(fits && row.textContent.toLowerCase().includes(wanted));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = `${shown} of ${rows.length} claims`;
    };

    const form = document.createElement("form");
    form.className = "scorecard-filter";
    form.append(labelled("Words", words));
    for (const [key, name] of Object.entries(CHOICES)) {
      form.append(labelled(name, controls[key]));
    }
    form.append(count);
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    table.before(form);

    for (const [column, heading] of [...table.tHead.rows[0].cells].entries()) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) {
          other.removeAttribute("aria-sort");
        }
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const text = (row) => row.cells[column].textContent;
        rows.sort((a, b) => (down ? -1 : 1) * text(a).localeCompare(text(b)));
        table.tBodies[0].append(...rows);
      });
    }
    filter();
  };

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("table.scorecard").forEach(enhance);
  });
})();
