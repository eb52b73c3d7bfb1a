// What every page has: "/" goes to the search box, and filters are completed with what devices have.
document.addEventListener("keydown", (event) => {
  const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    document.querySelector("header input").focus();
  }
});

const filter = document.getElementById("filter");
let asked = 0;
filter?.addEventListener("input", async () => {
  const mine = ++asked, answer = await fetch(`/complete?text=${encodeURIComponent(filter.value)}`);
  if (!answer.ok || mine !== asked) return;
  document.getElementById("fields").replaceChildren(...(await answer.json()).map((text) => new Option("", text)));
});
