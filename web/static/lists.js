// The overview's lists: batches as a ribbon, assertions as bars over time, disputes and money.

import { h } from "./dom.js";
import { count, duration, ether, percent, plural, short } from "./format.js";
import { sketch, span } from "./funnel.js";
import { forecastChip, inOneSentence } from "./judge.js";
import { NOBODY, button, chip, drain, empty, hash, party, section } from "./parts.js";

const MOST_BLOBS = 6;
const FEW = 10; // assertions shown until all are asked for
const FEW_GAMES = 9;

export function batches(overview) {
  const { batches: list, batch_count: total } = overview;
  const extra = total > list.length ? `newest ${count(list.length)} of ${count(total)}` : total ? count(total) : "";
  if (!list.length) {
    return section("batches", "Batches", extra, empty("No batch is on L1 yet.", "The sequencer puts L2 transactions into batches and posts them to L1, mostly in blobs. Each becomes a tile here."));
  }
  return section("batches", "Batches", extra,
    h("ul", { class: "ribbon", tabindex: "0", role: "list", "aria-label": "batches, newest first" }, list.map((batch) =>
      h("li", { "data-key": `batch-${batch.hash}` },
        h("a", { class: `tile ${batch.status}`, href: `#/batches/${batch.index}` },
          h("span", { class: "index" }, `#${count(batch.index)}`),
          batch.data === "blobs" ? blobCells(batch.blobs) : h("span", { class: "calldata" }, "calldata"),
          h("span", { class: "takes" }, batch.deposits ? h("span", { class: "deposits", title: plural(batch.deposits, "deposit") }, `↓${batch.deposits}`, unseen(" deposits")) : null, batch.forced ? h("span", { class: "forced", title: `${batch.forced} forced through L1` }, `⚡\uFE0E${batch.forced}`, unseen(" forced")) : null),
          chip(batch.status))))),
    h("p", { class: "legend-line" }, h("span", null, blobCells(1), " blobs used, of 6"), h("span", null, h("span", { class: "deposits" }, "↓"), " deposits"), h("span", null, h("span", { class: "forced" }, "⚡\uFE0E"), " forced through L1")));
}

export const blobCells = (used) =>
  h("span", { class: "blobs", role: "img", "aria-label": plural(used, "blob") }, Array.from({ length: MOST_BLOBS }, (_, i) => h("span", { class: i < used ? "blob used" : "blob" })));

/** For screen readers. */
const unseen = (text) => h("span", { class: "unseen" }, text);

/** Where a bar lies in time, as shares of `domain`. */
const place = (from, to, [start, end]) => {
  const at = (time) => Math.max(0, Math.min(1, (time - start) / (end - start)));
  return { left: percent(at(from)), width: percent(Math.max(0.004, at(to) - at(from))) };
};

export function assertions(overview, now, { all, roles }) {
  const { assertions: list, assertion_count: total, pending_count: pending } = overview;
  const extra = total ? `${count(pending)} pending of ${count(total)}` : "";
  if (!list.length) {
    return section("assertions", "Assertions", extra, empty("Nothing is asserted yet.", `Someone with a bond of ${ether(overview.rules.assertion_bond)} says what a batch does to L2's state. For ${duration(overview.rules.window)} anyone can prove it wrong; then it counts.`));
  }
  const shown = all ? list : list.slice(0, FEW);
  const domain = domainOf(shown, now, overview.rules.window);
  return section("assertions", "Assertions", extra,
    h("div", { class: "timeline" }, axis(domain, now), shown.map((each) => assertionRow(each, domain, now, roles))),
    h("p", { class: "legend-line" }, h("span", null, h("span", { class: "swatch pending" }), " window open"), h("span", null, h("span", { class: "swatch confirmed" }), " ✓ confirmed"), h("span", null, h("span", { class: "swatch killed" }), " ✕ killed"),
      list.length > FEW ? button("all-assertions", all ? "" : "1", all ? "show fewer" : `show ${count(list.length)}${total > list.length ? `, the newest of ${count(total)}` : ""}`) : null));
}

function domainOf(list, now, window) {
  const ends = list.map((each) => (each.status === "pending" ? each.window_ends : endOf(each, now)));
  const start = Math.max(Math.min(...list.map((each) => each.created_at)), now - 4 * window);
  const end = Math.max(now, ...ends);
  const pad = Math.max(1, (end - start) * 0.03);
  return [start - pad, end + pad];
}

const endOf = (each, now) => each.killed?.at ?? each.confirmed_at ?? (each.status === "pending" ? now : each.window_ends);

function axis(domain, now) {
  const marks = [0.1, 0.38, 0.66, 0.94].map((share) => domain[0] + share * (domain[1] - domain[0]));
  const text = (time) => (time < now ? `−${duration(now - time)}` : `+${duration(time - now)}`);
  return h("div", { class: "axis", "aria-hidden": "true" }, h("div", { class: "track" },
    marks.filter((time) => Math.abs(time - now) > 0.08 * (domain[1] - domain[0])).map((time) => h("span", { style: { left: place(time, time, domain).left } }, text(time))),
    h("span", { class: "now", style: { left: place(now, now, domain).left } }, "now")));
}

function assertionRow(each, domain, now, roles) {
  const pending = each.status === "pending";
  const settled = each.asserter === NOBODY;
  const end = pending ? each.window_ends : endOf(each, now);
  const left = pending ? (each.window_ends > now ? `${duration(each.window_ends - now)} left` : "window over") : "";
  return h("a", { class: `row ${each.status}`, href: `#/assertions/${each.id}`, "data-key": `assertion-${each.id}` },
    h("span", { class: "who" },
      h("strong", null, each.batch === null ? "batch ?" : `batch ${count(each.batch)}`),
      h("span", { class: "muted" }, settled ? "settled by EXECUTE" : (roles.get(each.asserter.toLowerCase()) ?? short(each.asserter))),
      each.open_games ? h("span", { class: "games-open" }, plural(each.open_games, "open dispute")) : null),
    h("span", { class: "track" },
      each.killed ? h("span", { class: "bar cut", style: place(each.created_at, each.window_ends, domain) }) : null,
      h("span", { class: `bar ${each.status}`, style: place(each.created_at, end, domain) }),
      pending ? h("span", { class: "bar passed", style: place(each.created_at, Math.min(now, each.window_ends), domain) }) : null,
      h("span", { class: "now", style: { left: place(now, now, domain).left } })),
    h("span", { class: "state" }, chip(each.status), each.forecast && pending ? chip(each.forecast, `looks ${each.forecast}`) : null, h("span", { class: "muted left" }, left)));
}

export function disputes(overview, now, { all, roles }) {
  const { games: list, game_count: total, open_game_count: open } = overview;
  const direct = overview.assertions.filter((each) => each.proof && !each.games.length);
  const extra = total || direct.length ? `${count(open)} open of ${count(total)}` : "";
  if (!list.length && !direct.length) {
    const { stride } = overview.rules;
    const how = stride === 1 ? "With a checkpoint after every step there are no rounds: the wrong step goes straight to EXECUTE." : "The two sides narrow it down in turns to one step, and EXECUTE on L1 judges that.";
    return section("disputes", "Disputes", extra, empty("Nobody disputes anything.", `When an assertion is wrong, a challenger finds the first wrong interval of steps. ${how} You will see it narrow here.`));
  }
  const sizes = new Map(overview.assertions.map((each) => [each.id, each.steps]));
  const cards = [...list.map((game) => gameCard(game, overview, now, sizes.get(game.assertion), roles)), ...direct.map((each) => directCard(each, overview, roles))];
  const shown = all ? cards : cards.slice(0, FEW_GAMES);
  return section("disputes", "Disputes", extra, h("div", { class: "games" }, shown),
    cards.length > FEW_GAMES ? h("p", { class: "legend-line" }, button("all-games", all ? "" : "1", all ? "show fewer" : `show ${count(cards.length)}`)) : null);
}

export function gameCard(game, overview, now, steps, roles) {
  const open = game.status === "open";
  return h("a", { class: `game ${open ? "open" : "over"}`, href: `#/games/${game.id}`, "data-key": `game-${game.id}` },
    h("span", { class: "game-head" }, h("strong", null, game.batch === null ? "batch ?" : `batch ${count(game.batch)}`), chip(game.status), h("span", { class: "muted" }, short(game.id))),
    sketch(game, steps ?? game.hi, overview.rules.stride),
    h("span", { class: "game-what" }, open ? `${span(game.lo, game.hi)}: ${game.mover} to move` : inOneSentence({ ...game, proof: true })),
    open ? clocks(game, overview.rules, now, true, roles) : null,
    open && game.forecast ? forecastChip(game.forecast) : null);
}

function directCard(each, overview, roles) {
  const step = each.proof.step;
  return h("a", { class: "game over", href: `#/assertions/${each.id}`, "data-key": `direct-${each.id}` },
    h("span", { class: "game-head" }, h("strong", null, each.batch === null ? "batch ?" : `batch ${count(each.batch)}`), chip("killed"), h("span", { class: "muted" }, short(each.id))),
    sketch({ lo: step, hi: step + 1 }, Math.max(each.steps, step + 1), overview.rules.stride),
    h("span", { class: "game-what" }, `Step ${count(step)} proved at once, without a game.`));
}

/** Both sides' clocks; the mover's runs. */
export function clocks(game, rules, now, small, roles) {
  const side = (name, address) => {
    const moving = game.mover === name && game.status === "open";
    const left = moving && game.deadline ? game.deadline - now : game.clocks[name];
    const text = left > 0 ? duration(left) : game.status === "open" ? "out of time" : "0 s";
    return h("div", { class: `clock ${name}${moving ? " moving" : ""}` },
      h("div", { class: "clock-head" }, h("span", { class: "label" }, name), moving ? h("span", { class: "turn" }, "to move") : null, h("span", { class: "time" }, text)),
      small ? null : h("div", { class: "clock-who" }, party(address, roles)),
      drain(0, rules.clock, rules.clock - Math.max(0, left), `${name}: ${text} left`));
  };
  return h("div", { class: small ? "clocks small" : "clocks" }, side("asserter", game.asserter), side("challenger", game.challenger));
}

export function money(overview, roles) {
  const { accounts, rollup_balance: bonds } = overview.money;
  return section("money", "Money", `${ether(bonds)} in the Rollup`,
    accounts.length ? h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "accounts, a table" }, h("table", { class: "accounts" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "account"), h("th", { scope: "col", class: "figure" }, "on L1"), h("th", { scope: "col", class: "figure" }, "credit"))),
      h("tbody", null, accounts.map((each) => h("tr", { "data-key": `account-${each.address}` }, h("td", null, party(each.address, roles)), h("td", { class: "figure", title: `${each.balance} wei` }, ether(each.balance)), h("td", { class: "figure", title: `${each.credit} wei` }, ether(each.credit)))))))
      : empty("No one has put anything up yet.", "Who posts, asserts or challenges appears here, with what they have on L1 and what the Rollup owes them."));
}

export function contracts(overview) {
  const { rules } = overview;
  return h("section", { class: "panel", id: "rules", "aria-labelledby": "rules-title", "data-key": "rules" }, h("div", { class: "panel-head" }, h("h2", { id: "rules-title" }, "Rules and contracts")),
    h("div", { class: "two" },
      h("dl", { class: "facts" }, [
        ["checkpoints", rules.stride === 0 ? "one at the end: a game is about the whole batch" : rules.stride === 1 ? "after every step: no games" : `every ${count(rules.stride)} steps`],
        rules.stride === 1 ? null : ["a round splits in", count(rules.arity)], ["window", duration(rules.window)], ["clock of each side", duration(rules.clock)],
        ["bond of an assertion", ether(rules.assertion_bond)], ["bond of a challenge", ether(rules.challenge_bond)],
      ].filter(Boolean).map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
      h("dl", { class: "facts" }, Object.entries(overview.contracts).map(([name, address]) => h("div", null, h("dt", null, name.replaceAll("_", " ")), h("dd", null, hash(address)))))));
}
