// Small things that every part of the page uses.

import { h, s } from "./dom.js";
import { dateTime, duration, percent, short } from "./format.js";

export const NOBODY = `0x${"0".repeat(40)}`;

/** What is told apart by colour is told apart by sign and word, too. */
const SIGNS = {
  posted: "○", asserted: "◐", pending: "◐", confirmed: "✓", killed: "✕", right: "✓", wrong: "✕", open: "◐",
  "challenger won": "⚑\uFE0E", "asserter won": "⚐\uFE0E", void: "∅",
};

export function chip(status, text = status) {
  return h("span", { class: `chip ${status.replaceAll(" ", "-")}` }, h("span", { class: "sign", "aria-hidden": "true" }, SIGNS[status] ?? "•"), text);
}

export function hash(value, { link = null } = {}) {
  const text = h(link ? "a" : "code", { class: "hash", href: link, title: value }, short(value));
  return h("span", { class: "copyable" }, text, copy(value));
}

export function copy(value) {
  return h("button", { type: "button", class: "copy", "data-copy": value, "aria-label": `copy ${short(value)}`, title: "copy" },
    s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("rect", { x: 5.5, y: 5.5, width: 8, height: 8, rx: 2 }), s("path", { d: "M10.5 2.5h-6a2 2 0 0 0-2 2v6" })));
}

/** A mark that is the same wherever the same address is. */
function mark(address) {
  const digits = [...address.slice(2).toLowerCase()].map((each) => Number.parseInt(each, 16) || 0);
  const hue = (digits[0] * 16 + digits[1]) * (360 / 256);
  const cells = [];
  for (let row = 0; row < 5; row += 1) {
    for (let column = 0; column < 3; column += 1) {
      if (digits[2 + row * 3 + column] % 2) {
        cells.push([column, row]);
        if (column < 2) cells.push([4 - column, row]);
      }
    }
  }
  return s("svg", { class: "ident", viewBox: "-1 -1 7 7", "aria-hidden": "true", style: { "--hue": hue.toFixed(0) } },
    cells.map(([x, y]) => s("rect", { x, y, width: 1.04, height: 1.04 })));
}

/** Who: by the part they play, if the overview says one. `roles`: by lower-case address. */
export function party(address, roles) {
  if (!address) return h("span", { class: "party" }, "unknown");
  if (address === NOBODY) return h("span", { class: "party" }, "nobody (settled)");
  const role = roles.get(address.toLowerCase());
  return h("span", { class: "party", title: address }, mark(address),
    role ? h("span", { class: "role" }, role) : null, h("code", { class: "hash" }, short(address)), copy(address));
}

export const rolesOf = (overview) =>
  new Map(overview.money.accounts.filter((each) => each.role).map((each) => [each.address.toLowerCase(), each.role]));

/** Facts, one under the other: [name, value, value] each; those without a value are left out. */
export function facts(...rows) {
  return h("dl", { class: "facts" }, rows.filter((row) => row && row[1] !== null && row[1] !== undefined)
    .map(([name, ...values]) => h("div", null, h("dt", null, name), h("dd", null, values))));
}

export function section(id, title, extra, ...content) {
  return h("section", { class: "panel", id, "aria-labelledby": `${id}-title`, "data-key": id },
    h("div", { class: "panel-head" }, h("h2", { id: `${id}-title` }, title), h("div", { class: "panel-extra" }, extra)), content);
}

export const empty = (title, text) => h("div", { class: "empty" }, h("strong", null, title), h("p", null, text));

/** A bar that empties as the time between `from` and `to` passes. */
export function drain(from, to, now, label) {
  const left = to > from ? Math.max(0, Math.min(1, (to - now) / (to - from))) : 0;
  return h("div", { class: "drain", role: "img", "aria-label": label }, h("div", { class: left < 0.2 ? "left low" : "left", style: { width: percent(left) } }));
}

export const when = (seconds, now) => {
  const past = now - seconds;
  const text = Math.abs(past) < 1 ? "now" : past > 0 ? `${duration(past)} ago` : `in ${duration(-past)}`;
  return h("time", { title: `${dateTime(seconds)} (L1 time)` }, text);
};

export const button = (act, value, text) => h("button", { type: "button", class: "quiet", "data-act": act, "data-value": value }, text);
