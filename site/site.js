// Sorting, filtering and comparing of a model's table. Pages are complete without it. What was chosen stands in the
// address, so that it can be shared.
"use strict";

(() => {
  const table = document.querySelector(".board");
  const tools = document.querySelector(".tools");
  if (!table || !tools) return;

  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.querySelectorAll("[data-sort]")]; // a cell of the head can have two of them
  const titles = new Map(heads.map((head) => [head, head.textContent.trim()]));
  const [query, verdict, tier, current] = ["q", "f-verdict", "f-tier", "f-current"].map((id) => document.getElementById(id));
  const [counted, jump] = [".said", ".jump"].map((style) => tools.querySelector(style));
  const comparison = document.querySelector(".comparison");
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const state = { sort: "", down: false, picked: [] };

  const make = (tag, text, style) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  };
  const name = (head) => head.dataset.c;
  const benchmark = (head) => head.closest("th").dataset.b;
  const value = (row, column) => row.querySelector(`[data-c="${CSS.escape(column)}"]`)?.dataset.v ?? "";

  function sort() {
    const column = heads.find((head) => name(head) === state.sort);
    for (const head of heads) {
      head.closest("th").removeAttribute("aria-sort");
      delete head.dataset.order;
    }
    if (!column) return;
    column.dataset.order = state.down ? "descending" : "ascending";
    column.closest("th").setAttribute("aria-sort", column.dataset.order);
    const number = column.dataset.sort === "number";
    const sign = state.down ? -1 : 1;
    const ordered = [...rows].sort((one, two) => {
      const [a, b] = [value(one, state.sort), value(two, state.sort)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what has no value is last in both directions
      return sign * (number ? a - b : collator.compare(a, b));
    });
    body.append(...ordered);
  }

  function filter() {
    const wanted = query.value.trim().toLocaleLowerCase();
    let shown = 0;
    for (const row of rows) {
      const data = row.dataset;
      row.hidden = !(
        data.name.toLocaleLowerCase().includes(wanted) &&
        (!verdict.value || data.verdict === verdict.value) &&
        (!tier.value || data.tier === tier.value) &&
        !(current.checked && row.classList.contains("expired"))
      );
      shown += !row.hidden;
    }
    counted.textContent = `${shown} of ${rows.length} rows`;
    document.querySelector(".nothing").hidden = shown > 0;
  }

  const score = (row, wanted) => {
    const cell = row.querySelector(`[data-b="${CSS.escape(wanted)}"]`);
    const data = cell?.dataset;
    if (!data?.v) return { text: cell?.querySelector(".score")?.textContent ?? "–" }; // measured, without a score
    return { v: Number(data.v), l: data.l ? Number(data.l) : null, h: data.h ? Number(data.h) : null };
  };

  // Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, method 10
  function difference(one, base) {
    const gap = one.v - base.v;
    const points = (share) => {
      const text = Math.abs(100 * share).toFixed(1);
      return text === "0.0" ? text : `${share < 0 ? "−" : "+"}${text}`;
    };
    if ([one.l, one.h, base.l, base.h].includes(null)) return [points(gap), ""];
    const low = gap - Math.hypot(one.v - one.l, base.h - base.v);
    const high = gap + Math.hypot(one.h - one.v, base.v - base.l);
    const style = low > 0 ? "better" : high < 0 ? "worse" : "soft";
    return [`${points(gap)} (${points(low)} to ${points(high)})`, style];
  }

  function compare() {
    const picked = state.picked.map((key) => rows.find((row) => row.dataset.key === key)).filter(Boolean);
    for (const row of rows) row.querySelector(".pick").checked = picked.includes(row);
    comparison.hidden = picked.length < 2;
    jump.hidden = comparison.hidden;
    jump.textContent = `Compare ${picked.length}`;
    const [head, lines] = [comparison.querySelector("thead"), comparison.querySelector("tbody")];
    head.replaceChildren();
    lines.replaceChildren();
    if (comparison.hidden) return;
    const named = make("tr");
    named.append(make("th", "Benchmark"));
    for (const row of picked) named.append(make("th", `${row.dataset.name} (${row.dataset.tier})`));
    for (const cell of named.cells) cell.scope = "col";
    head.append(named);
    for (const column of heads.filter(benchmark)) {
      const line = make("tr");
      const title = make("th", titles.get(column));
      title.scope = "row";
      line.append(title);
      const base = score(picked[0], benchmark(column));
      for (const row of picked) line.append(versus(score(row, benchmark(column)), row === picked[0] ? null : base));
      lines.append(line);
    }
  }

  function versus(one, base) {
    const cell = make("td");
    if (one.text) {
      cell.append(make("span", one.text, one.text === "–" ? "soft" : ""));
      return cell;
    }
    cell.append(make("strong", `${(100 * one.v).toFixed(1)} %`));
    if (one.l !== null) cell.append(" ", make("span", `${(100 * one.l).toFixed(1)} to ${(100 * one.h).toFixed(1)}`, "range soft small"));
    if (base && !base.text) {
      const [text, style] = difference(one, base);
      cell.append(make("br"), make("span", text, style));
    }
    return cell;
  }

  function remember() {
    const kept = new URLSearchParams();
    if (state.sort) kept.set("sort", `${state.sort}${state.down ? " down" : ""}`);
    for (const field of [query, verdict, tier]) if (field.value) kept.set(field.id, field.value);
    if (current.checked) kept.set(current.id, "1");
    if (state.picked.length) kept.set("compare", state.picked.join(" "));
    const text = kept.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }

  function recall() {
    const kept = new URLSearchParams(location.hash.slice(1));
    const [by, down] = (kept.get("sort") ?? "").split(" ");
    Object.assign(state, { sort: by, down: down === "down", picked: (kept.get("compare") ?? "").split(" ").filter(Boolean) });
    for (const field of [query, verdict, tier]) field.value = kept.get(field.id) ?? "";
    current.checked = kept.has(current.id);
  }

  function update() {
    sort();
    filter();
    compare();
  }

  jump.addEventListener("click", () => {
    const title = comparison.querySelector("h2");
    title.scrollIntoView({ block: "start" });
    title.focus({ preventScroll: true });
  });

  for (const head of heads) {
    const button = make("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const same = state.sort === name(head);
      Object.assign(state, { sort: name(head), down: same ? !state.down : "down" in head.dataset });
      update();
      remember();
    });
  }
  for (const row of rows) {
    row.querySelector(".pick").addEventListener("change", (event) => {
      const others = state.picked.filter((key) => key !== row.dataset.key);
      state.picked = event.target.checked ? [...others, row.dataset.key] : others;
      update();
      remember();
    });
  }
  tools.addEventListener("input", () => { update(); remember(); });
  tools.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", () => {
    if (location.hash && !location.hash.includes("=")) return; // a link to a place of the page
    recall();
    update();
  });
  recall();
  update();
})();
