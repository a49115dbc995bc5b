
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("page-data").textContent);
  const byId = (id) => document.getElementById(id);

  // Every value enters the page as text: nothing here ever builds markup out of a string.
  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    for (const child of children) element.append(child);
    return element;
  };
  const cell = (tag, className, text, scope) => {
    const element = make(tag, className, String(text));
    if (scope) element.scope = scope;
    return element;
  };
  const labelled = (name) => {
    const element = make("bdi", "label", name);
    element.title = name;
    return element;
  };

  // Theme: as the system says until the reader chooses.
  const themes = ["", "dark", "light"];
  const themeNames = { "": "as the system", dark: "dark", light: "light" };
  const theme = byId("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const next = themes[(themes.indexOf(root.dataset.theme || "") + 1) % themes.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    theme.textContent = "Theme: " + themeNames[next];
  });

  // On narrow screens the less important columns are folded away; the button, shown only there, unfolds them.
  const every = byId("every");
  every.addEventListener("click", () => {
    every.setAttribute("aria-pressed", String(byId("table").classList.toggle("every")));
  });

  // Sorting: a column's numbers by value, its words by letters, empty cells last either way.
  const number = (text) => parseFloat(text.replace(/^[^0-9+.-]+/, "").replace(/,/g, ""));
  const table = byId("table");
  const body = table.tBodies[0];
  [...body.rows].forEach((row, at) => { row.dataset.at = at; });
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const numeric = head.classList.contains("number");
    const button = make("button", "", head.textContent);
    button.type = "button";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.ariaSort ? head.ariaSort === "ascending" : numeric;
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const sign = down ? -1 : 1;
      const key = (row) => row.cells[column].textContent.trim();
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        const [emptyX, emptyY] = numeric ? [isNaN(number(x)), isNaN(number(y))] : [x === "", y === ""];
        if (emptyX || emptyY) return emptyX - emptyY;
        return sign * (numeric ? number(x) - number(y) : x.localeCompare(y));
      };
      body.append(...[...body.rows].sort((a, b) => compare(a, b) || a.dataset.at - b.dataset.at));
    });
  });

  const pick = byId("pick");
  if (!pick || data.rival === null) return;
  pick.hidden = false;
  pick.addEventListener("submit", (event) => event.preventDefault());
  const [one, other] = [byId("one"), byId("other")];
  for (const select of [one, other]) {
    data.methods.forEach((method, at) => select.append(new Option(method.name, at)));
  }
  one.value = data.rival;
  other.value = data.base;

  const percent = (share) => (100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0) + "%";
  const signed = (value) => (value < 0 ? "\u2212" : value > 0 ? "+" : "") + Math.abs(100 * value).toFixed(1);

  const matrix = (caption, values, shown, kind) => {
    const made = make("table", "matrix" + (data.labels.length > 8 ? " small" : ""));
    made.append(make("caption", "unseen", caption));
    const head = make("tr", "", cell("td", "", ""));
    for (const name of data.labels) {
      const label = cell("th", "", name, "col");
      label.title = name;
      head.append(label);
    }
    made.append(make("thead", "", head));
    const rows = make("tbody", "");
    values.forEach((row, truth) => {
      const label = cell("th", "", data.labels[truth], "row");
      label.title = data.labels[truth];
      const line = make("tr", "", label);
      row.forEach((value, predicted) => {
        const field = cell("td", kind(value), shown(truth, predicted));
        field.title = data.labels[truth] + " \u2192 " + data.labels[predicted];
        line.append(field);
      });
      rows.append(line);
    });
    made.append(rows);
    return made;
  };
  const heat = (share) => "s" + Math.round(10 * share);
  const panel = (title, remark, content) => {
    const scroll = make("div", "wide", content);
    return make("div", "card panel", make("h3", "", title), make("p", "", remark), scroll);
  };

  const showConfusion = (a, b) => {
    const [x, y] = [data.methods[a], data.methods[b]];
    const place = byId("confusion");
    place.replaceChildren();
    if (!x.matrix) {
      place.append(make("p", "rest", "Too many classes for matrices here; the figures folder has them."));
      return;
    }
    const seeds = x.seeds > 1 ? ", " + x.seeds + " seeds together" : "";
    place.append(
      panel(x.name + ": texts", "Rows are the true class, columns the predicted one" + seeds + ".",
        matrix(x.name + ", texts", x.shares, (t, p) => x.matrix[t][p], heat)),
      panel(x.name + ": shares", "Of the true class; the same colours as in the counts.",
        matrix(x.name + ", shares", x.shares, (t, p) => percent(x.shares[t][p]), heat)));
    if (a === b) return;
    const gaps = x.shares.map((row, t) => row.map((share, p) => share - y.shares[t][p]));
    const most = Math.max(0.05, ...gaps.flat().map(Math.abs));
    const diverging = (gap) => {
      const step = Math.round((5 * Math.abs(gap)) / most);
      return step ? (gap > 0 ? "p" : "m") + step : "";
    };
    place.append(panel(x.name + " minus " + y.name, "Percentage points: + where the first predicts it more often.",
      matrix("Difference", gaps, (t, p) => signed(gaps[t][p]), diverging)));
  };

  const showConfused = (a, b) => {
    byId("confused").replaceChildren(...[...new Set([a, b])].map((at) => {
      const method = data.methods[at];
      const rows = make("tbody", "");
      for (const [truth, predicted, n, share] of method.confused.slice(0, 6)) {
        rows.append(make("tr", "",
          make("td", "", labelled(data.labels[truth])), make("td", "", labelled(data.labels[predicted])),
          cell("td", "number", n), cell("td", "number", percent(share))));
      }
      const heads = ["true", "taken for", "texts", "of the class"];
      const head = make("tr", "", ...heads.map((name, k) => cell("th", k > 1 ? "number" : "", name, "col")));
      const made = make("table", "", make("caption", "unseen", "Most confused by " + method.name), make("thead", "", head), rows);
      return panel(method.name + ": most confused", "Pairs of classes, by texts.", made);
    }));
  };

  const said = (label, sure, mark) => {
    const field = make("td", mark, labelled(data.labels[label]));
    if (sure !== null) field.append(" ", make("span", "sure", sure.toFixed(2)));
    return field;
  };
  const flipTable = (right, wrong) => {
    const [a, b] = [data.methods[right], data.methods[wrong]];
    const found = data.flips[right + "-" + wrong];
    const box = make("div", "");
    box.append(make("h3", "", a.name + " right, " + b.name + " wrong"));
    if (!found) {
      const base = data.methods[data.base].name;
      box.append(make("p", "rest", "With so many methods the page holds single texts against " + base + " only."));
      return [box, 0];
    }
    if (!found.rows.length) {
      box.append(make("p", "rest", "No such text."));
      return [box, found.n];
    }
    const withTexts = data.texts[found.rows[0][0]][1] !== null;
    const heads = ["row", "true, and " + a.name, b.name].concat(withTexts ? ["text"] : []);
    const head = make("tr", "", ...heads.map((name, k) => cell("th", k === 0 ? "number" : "", name, "col")));
    const rows = make("tbody", "");
    for (const [row, label, sureA, sureB] of found.rows) {
      const [truth, text] = data.texts[row];
      const line = make("tr", "", cell("td", "number", row), said(truth, sureA, "right"), said(label, sureB, "wrong"));
      if (withTexts) {
        const field = make("td", "text", make("bdi", "", text));
        field.dir = "auto";
        line.append(field);
      }
      line.hidden = rows.rows.length >= 8;
      rows.append(line);
    }
    const region = make("div", "card wide",
      make("table", "texts", make("caption", "unseen", a.name + " right, " + b.name + " wrong"), make("thead", "", head), rows));
    if (found.rows.length > 8) {
      const more = make("button", "quiet more", "Show " + (found.rows.length - 8) + " more");
      more.type = "button";
      more.addEventListener("click", () => {
        for (const line of rows.rows) line.hidden = false;
        more.remove();
      });
      region.append(more);
    }
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", a.name + " right, " + b.name + " wrong");
    const rest = found.n > found.rows.length ? ", the " + found.rows.length + " on which both are most confident" : "";
    box.append(make("p", "", found.n + (found.n === 1 ? " test text" : " test texts") + rest + "."), region);
    return [box, found.n];
  };

  const show = () => {
    const [a, b] = [Number(one.value), Number(other.value)];
    showConfusion(a, b);
    showConfused(a, b);
    const place = byId("flips");
    place.replaceChildren();
    const names = [data.methods[a].name, data.methods[b].name];
    if (a === b) {
      byId("said").textContent = names[0] + " alone";
      return;
    }
    if (Object.keys(data.flips).length === 0 || Object.keys(data.texts).length === 0) return;
    const [gained, n] = flipTable(b, a);
    const [lost, m] = flipTable(a, b);
    place.append(gained, lost);
    byId("said").textContent =
      names[1] + " alone is right on " + n + " texts, " + names[0] + " alone on " + m;
  };
  one.addEventListener("change", show);
  other.addEventListener("change", show);
  byId("swap").addEventListener("click", () => {
    [one.value, other.value] = [other.value, one.value];
    show();
  });
  show();
})();
