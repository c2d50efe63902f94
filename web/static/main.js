// Puts the page together from what the feed has, once a second and whenever there is news.

import { assertionPage, batchPage, gamePage } from "./details.js";
import { h, morph } from "./dom.js";
import { Feed } from "./feed.js";
import { duration, plural } from "./format.js";
import { span } from "./funnel.js";
import { daemonLine, freshness, heads } from "./head.js";
import { assertions, batches, contracts, disputes, money } from "./lists.js";
import { empty, rolesOf } from "./parts.js";

const main = document.getElementById("main");
const state = { route: null, all: new Set(), drawn: "" };
const feed = new Feed(() => draw());

const ROUTES = [
  [/^#\/games\/(0x[0-9a-f]{64})$/, "game"],
  [/^#\/assertions\/(0x[0-9a-f]{64})$/, "assertion"],
  [/^#\/batches\/(\d{1,9})$/, "batch"],
];

function routeOf(fragment) {
  for (const [pattern, name] of ROUTES) {
    const found = pattern.exec(fragment.toLowerCase());
    if (found) return { name, id: found[1] };
  }
  return { name: "rollup", id: "" };
}

function follow() {
  const { name, id } = state.route;
  if (name === "assertion") feed.follow(`assertions/${id}.json`);
  else if (name === "game") feed.follow(`games/${id}.json`, assertionOf(id));
  else feed.follow();
}

/** The path of the assertion that a game is about, once the game is known. */
function assertionOf(game) {
  const about = feed.of(`games/${game}.json`).data?.assertion ?? feed.overview.data?.games.find((each) => each.id === game)?.assertion;
  return about ? `assertions/${about}.json` : null;
}

function content(overview) {
  const { name, id } = state.route;
  const now = feed.time;
  const roles = rolesOf(overview);
  const context = { overview, now, roles, width: Math.max(280, main.clientWidth - (main.clientWidth < 700 ? 26 : 50)) };
  if (name === "game") {
    const about = assertionOf(id);
    return gamePage(id, feed.of(`games/${id}.json`), about ? feed.of(about) : { data: null }, context);
  }
  if (name === "assertion") return assertionPage(id, feed.of(`assertions/${id}.json`), context);
  if (name === "batch") return batchPage(id, context);
  return h("div", { class: "page" },
    h("h1", { class: "unseen", tabindex: "-1" }, `The rollup ${overview.name}`),
    heads(overview), alarm(overview, now), batches(overview),
    assertions(overview, now, { all: state.all.has("all-assertions"), roles }),
    disputes(overview, now, { all: state.all.has("all-games"), roles }),
    money(overview, roles), contracts(overview));
}

/** What one should not overlook. */
function alarm(overview, now) {
  const open = overview.games.filter((game) => game.status === "open");
  if (!open.length) return null;
  const [game] = open;
  const left = game.deadline ? ` within ${duration(game.deadline - now)}` : "";
  return h("a", { class: "alarm", href: `#/games/${game.id}`, "data-key": "alarm" }, h("span", { class: "badge", "aria-hidden": "true" }, "⚖\uFE0E"),
    h("span", null, h("strong", null, plural(overview.open_game_count, "dispute is open", "disputes are open")), ` ${span(game.lo, game.hi)} of batch ${game.batch ?? "?"}: the ${game.mover} has to move${left}.`), h("span", { "aria-hidden": "true" }, "→"));
}

function draw() {
  follow();
  const overview = feed.overview.data;
  morph(document.getElementById("fresh").firstElementChild, freshness(feed.overview));
  document.body.classList.toggle("is-stale", feed.overview.staleness !== "");
  if (overview === null) {
    const why = feed.overview.failure;
    morph(main.firstElementChild, h("div", { class: "page", "data-key": "waiting" }, h("div", { class: "panel" }, why ? empty("Nothing to show yet.", `This page goes on asking. The reason: ${why}.`) : empty("Reading the rollup from L1 …", "A moment."))));
    return;
  }
  document.getElementById("name").textContent = overview.name;
  document.getElementById("daemon").textContent = daemonLine(overview, Date.now() / 1000);
  const fresh = content(overview);
  fresh.setAttribute("data-key", `${state.route.name} ${state.route.id}`);
  const title = fresh.querySelector("h1")?.textContent ?? "";
  document.title = `${title} · Verdict`;
  morph(main.firstElementChild, fresh);
}

function go() {
  const before = state.route;
  state.route = routeOf(location.hash);
  draw();
  if (before === null) return;
  scrollTo(0, 0);
  main.querySelector("h1")?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target.closest("button") : null;
  if (!target) return;
  if (target.dataset.copy) {
    event.preventDefault();
    navigator.clipboard?.writeText(target.dataset.copy).then(() => {
      target.classList.add("done");
      setTimeout(() => target.classList.remove("done"), 1200);
    }, () => {});
  } else if (target.dataset.act) {
    if (target.dataset.value) state.all.add(target.dataset.act);
    else state.all.delete(target.dataset.act);
    draw();
  }
});

addEventListener("hashchange", go);
addEventListener("resize", () => draw());
setInterval(() => {
  if (!document.hidden) draw();
}, 1000);
go();
feed.now();
