"use strict";
// Shows only findings of the chosen outcomes and severities; without it all are shown.
(function () {
  const form = document.getElementById("filters");
  const items = Array.from(document.querySelectorAll("[data-outcome]"));
  if (!form || items.length === 0) return;
  const count = document.getElementById("filter-count");
  const chosen = (name) =>
    new Set(Array.from(form.querySelectorAll(`input[name=${name}]:checked`), (box) => box.value));
  const apply = () => {
    const outcomes = chosen("outcome");
    const severities = chosen("severity");
    let shown = 0;
    for (const item of items) {
      item.hidden = !(outcomes.has(item.dataset.outcome) && severities.has(item.dataset.severity));
      if (!item.hidden) shown += 1;
    }
    count.textContent = `${shown} of ${items.length} findings shown`;
  };
  // A link to a hidden finding shows it again.
  const reveal = () => {
    const target = document.getElementById(window.location.hash.slice(1));
    if (target && target.hidden) {
      for (const box of form.querySelectorAll("input")) box.checked = true;
      apply();
      target.scrollIntoView();
    }
  };
  form.hidden = false;
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", reveal);
  apply();
})();
