// The sheet below the drops: what this viewer missed, by topic, and facts of the connection.

import { byId, figure, make, write } from "./dom.js";
import { count, duration } from "./format.js";

const MOST_CHARACTERS = 200;

/** Filled while it is open. */
export class Sheet {
  #about = byId("about", HTMLDetailsElement);
  #none = byId("drops-none", HTMLElement);
  #table = byId("drops-table", HTMLElement);
  #rows = byId("drops-rows", HTMLElement);
  #more = byId("drops-more", HTMLElement);
  #leftOut = byId("left-out", HTMLElement);
  #received = byId("received", HTMLDataElement);
  #unreadable = byId("unreadable", HTMLDataElement);
  #picture = byId("picture-size", HTMLElement);
  #clockText = byId("clock", HTMLElement);
  #clock;

  /** @param {import("./clock.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock;
    document.addEventListener("pointerdown", ({ target }) => {
      if (target instanceof Node && !this.#about.contains(target)) this.#about.open = false;
    });
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.#about.open = false;
    });
  }

  /**
   * @param {import("./worker.js").Totals} totals
   * @param {{width: number, height: number} | null} picture
   */
  show({ received, unreadable, worst, missedTopics, leftOut }, picture) {
    figure(this.#received, received, count(received));
    figure(this.#unreadable, unreadable, count(unreadable));
    if (!this.#about.open) return;
    write(this.#picture, picture ? `${picture.width} × ${picture.height}` : "–");
    const best = this.#clock.best;
    if (best) write(this.#clockText, `${signed(best.offsetMs)} ± ${duration(best.tripMs / 2)}`);
    this.#none.hidden = worst.length > 0;
    this.#table.hidden = worst.length === 0;
    this.#rows.replaceChildren(...worst.map(row));
    this.#more.hidden = missedTopics <= worst.length;
    write(this.#more, `and ${count(missedTopics - worst.length)} more topics`);
    this.#leftOut.hidden = leftOut === 0;
    write(this.#leftOut, `${count(leftOut)} pictures were left out, as this page asked for fewer: max_fps.`);
  }

  /** @param {import("./session.js").Facts} facts */
  set facts(facts) {
    write(byId("server", HTMLElement), `Beats ${facts.beats}, ${facts.sink}`);
  }
}

/** @param {[string, number]} line */
function row([topic, missed]) {
  const number = make("data", "", count(missed));
  number.value = String(missed);
  const cell = make("td");
  cell.append(number);
  const made = make("tr");
  made.append(make("td", "", topic.slice(0, MOST_CHARACTERS)), cell);
  return made;
}

/** @param {number} offsetMs of the server's clock from this machine's */
function signed(offsetMs) {
  return `${offsetMs < 0 ? "−" : "+"}${duration(Math.abs(offsetMs))}`;
}
