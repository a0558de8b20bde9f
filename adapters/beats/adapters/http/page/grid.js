// All pictures: one alone, several in a grid, or one of them enlarged.

import { byId, make, Stored, write } from "./browser.js";
import { duration, rate } from "./format.js";
import { Pace } from "./metrics.js";
import { Canvas } from "./picture.js";

const FILLS = "fit";
/** A picture that is gone does not come again within this time of a new connection. */
const GONE_MS = 2000;
/** Least size of a place in the grid in CSS pixels; with more pictures the grid scrolls. */
const LEAST = { width: 110, height: 90 };
/** About as high is the line with the name. */
const CAPTION_HEIGHT = 28;
/** Longer names are cut. */
const MOST_CHARACTERS = 200;
/** A picture that was made smaller has not exactly the shape of the original. */
const SAME_SHAPE = 0.05;
/** In the page's address, after `#`: which picture is enlarged. */
const ENLARGED = "picture";

/**
 * @typedef {import("./feed.js").Picture} Picture
 * @typedef {{width: number, height: number}} Size
 */

/** A picture with its name, size and rate. */
class Tile {
  element;
  button = make("button", "name");
  pace;
  canvas;
  isOld = false;
  /** The greatest width of a frame that was not made smaller for this page; 0: none came. */
  widestPx = 0;
  /** Width by height. */
  #shape = 1;
  #size = make("span", "size");
  #often = make("span");
  #area = make("div", "area");

  /**
   * @param {string} id
   * @param {HTMLCanvasElement} canvas
   * @param {import("./clock.js").Clock} clock
   * @param {boolean} isOpaque
   * @param {(tile: Tile, picture: Picture) => void} onDrawn
   */
  constructor(id, canvas, clock, isOpaque, onDrawn) {
    this.id = id;
    this.pace = new Pace(clock);
    this.element = make("li", "tile");
    this.button.type = "button";
    this.button.append(make("span", "cut", (id || "Main").slice(0, MOST_CHARACTERS)));
    this.button.title = "Enlarge, or show all";
    const caption = make("div", "caption");
    const facts = make("span", "facts quiet");
    facts.append(this.#size, this.#often);
    caption.append(this.button, facts);
    this.#area.append(canvas);
    this.element.append(this.#area, caption);
    this.canvas = new Canvas(this.#area, canvas, (picture) => onDrawn(this, picture), isOpaque);
  }

  /** Screen pixels that a picture of this shape covers in width, at most. */
  get shownPx() {
    const { width, height } = this.#area.getBoundingClientRect();
    return Math.floor(Math.min(width, height * this.#shape) * devicePixelRatio);
  }

  /** Note the size of a frame. */
  measure() {
    const shape = this.canvas.size.width / this.canvas.size.height;
    if (Math.abs(shape / this.#shape - 1) > SAME_SHAPE) this.#shape = shape;
  }

  /** Update size and rate. */
  refresh() {
    const { width, height } = this.canvas.size;
    const { fps, quietMs } = this.pace;
    write(this.#size, `${width} × ${height} · `);
    write(this.#often, fps > 0 || quietMs < 1000 ? `${rate(fps)}/s` : `${duration(quietMs)} ago`);
  }
}

/** The pictures in the stage. */
export class Grid {
  #stage = byId("stage", HTMLElement);
  #list = byId("grid", HTMLElement);
  #fill = byId("fit", HTMLButtonElement);
  #stored = new Stored("beats.scale", () => localStorage);
  #clock;
  #isAlone;
  #isOpaque;
  #onDrawn;
  #onShown;
  #main;
  /** @type {Map<string, Tile>} those that have a picture, and the main one */
  #tiles = new Map();
  /** @type {Tile | null} */
  #enlarged = null;
  #cutWidth = 0;
  #goneTimer = 0;

  /**
   * @param {import("./clock.js").Clock} clock
   * @param {{isAlone: boolean, isOpaque: boolean}} look one picture that fills the window; black where transparent
   * @param {(tile: Tile, picture: Picture) => void} onDrawn
   * @param {(gone: string[]) => void} onShown others are shown, or in another size; these pictures are gone
   */
  constructor(clock, { isAlone, isOpaque }, onDrawn, onShown) {
    this.#clock = clock;
    this.#isAlone = isAlone;
    this.#isOpaque = isOpaque;
    this.#onDrawn = onDrawn;
    this.#onShown = (/** @type {string[]} */ _) => {};
    this.#main = this.#add("", byId("canvas", HTMLCanvasElement));
    this.#fill.addEventListener("click", () => {
      this.#stored.value = this.#fills ? null : FILLS;
      this.#place();
    });
    this.#list.addEventListener("click", ({ target }) => this.#clicked(target));
    this.#stage.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("hashchange", () => this.#arrange());
    new ResizeObserver(() => this.#place()).observe(this.#stage);
    this.#watchRatio();
    this.#arrange();
    this.#onShown = onShown;
  }

  /** The picture that metrics and the button to save are about. */
  get selected() {
    const focused = this.#shown.find(({ element }) => element.contains(document.activeElement));
    return this.#enlarged ?? focused ?? this.#shown[0];
  }

  /** The enlarged one of several pictures. */
  get enlarged() {
    return this.#enlarged?.id ?? null;
  }

  /** Screen pixels that the widest picture covers, or its own if they are fewer. */
  get widthPx() {
    return Math.max(...this.#visible.map(({ shownPx, widestPx }) => Math.min(shownPx, widestPx || shownPx)));
  }

  /** The greatest age of the pictures that came lately; NaN: unknown. */
  get ageMs() {
    const ages = this.#visible.filter(({ pace }) => pace.quietMs < 1000).map(({ pace }) => pace.ageMs);
    return ages.length ? Math.max(...ages) : Number.NaN;
  }

  /** Frames of this width were made smaller for this page. @param {number} width 0: none */
  set cutWidth(width) {
    this.#cutWidth = width;
    this.#place();
  }

  /** A new connection: pictures that do not come again are gone. */
  begin() {
    for (const tile of this.#tiles.values()) tile.isOld = true;
    clearTimeout(this.#goneTimer);
    this.#goneTimer = setTimeout(() => this.#sweep(), GONE_MS);
  }

  /** Draw a frame with the next animation frame. @param {Picture} picture */
  show(picture) {
    let tile = this.#tiles.get(picture.id);
    if (!tile) {
      tile = this.#add(picture.id, make("canvas"));
      this.#arrange();
    }
    tile.isOld = false;
    tile.canvas.show(picture);
  }

  /** Update sizes and rates. */
  refresh() {
    if (this.#shown.length > 1) for (const tile of this.#visible) tile.refresh();
  }

  /** Whether pictures fill their areas, at any scale. */
  get #fills() {
    return this.#isAlone || this.#stored.value === FILLS;
  }

  /** All that have a picture, the main one first, then by name. */
  get #shown() {
    const others = [...this.#tiles.values()].filter(({ id }) => id);
    others.sort((one, other) => one.id.localeCompare(other.id, "en", { numeric: true }));
    return this.#main.pace.isDrawn || !others.length ? [this.#main, ...others] : others;
  }

  get #visible() {
    return this.#enlarged ? [this.#enlarged] : this.#shown;
  }

  /** @param {string} id @param {HTMLCanvasElement} canvas */
  #add(id, canvas) {
    if (id) {
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Picture ${id}`);
    }
    const tile = new Tile(id, canvas, this.#clock, this.#isOpaque, (drawn, picture) => this.#drawn(drawn, picture));
    this.#tiles.set(id, tile);
    return tile;
  }

  /** @param {Tile} tile @param {Picture} picture */
  #drawn(tile, picture) {
    const isNew = !tile.pace.isDrawn;
    const { width } = tile.canvas.size;
    tile.pace.drawn(picture.capturedMs);
    tile.measure();
    const isWider = width > tile.widestPx && width !== this.#cutWidth;
    if (isWider) tile.widestPx = width;
    if (isNew) this.#arrange();
    else if (isWider) this.#place();
    this.#onDrawn(tile, picture);
  }

  #sweep() {
    if (this.#enlarged) return; // the others are not decoded, and may not even be asked for
    const gone = [...this.#tiles.values()].filter(({ isOld, id }) => isOld && id);
    if (!gone.length) return;
    for (const { id } of gone) this.#tiles.delete(id);
    this.#arrange(gone.map(({ id }) => id));
  }

  /** Show those that are to be seen, in their order. @param {string[]} gone */
  #arrange(gone = []) {
    const shown = this.#shown;
    const asked = new URLSearchParams(location.hash.slice(1)).get(ENLARGED);
    const isMany = shown.length > 1 && !this.#isAlone;
    this.#enlarged = (isMany && shown.find(({ id }) => id === asked)) || null;
    const visible = this.#visible;
    this.#stage.classList.toggle("many", isMany);
    this.#stage.classList.toggle("enlarged", this.#enlarged !== null);
    for (const { element, button } of visible) {
      element.hidden = false;
      button.setAttribute("aria-pressed", String(this.#enlarged !== null));
    }
    for (const { element } of shown) if (!visible.some((tile) => tile.element === element)) element.hidden = true;
    // Those that are in their places stay there: an element that is moved loses the focus.
    const elements = shown.map(({ element }) => element);
    for (const element of [...this.#list.children]) if (!elements.some((each) => each === element)) element.remove();
    elements.forEach((element, place) => {
      if (this.#list.children[place] !== element) this.#list.insertBefore(element, this.#list.children[place] ?? null);
    });
    this.refresh();
    this.#place(gone);
  }

  /** @param {string[]} gone */
  #place(gone = []) {
    const visible = this.#visible;
    const { width, height } = this.#list.getBoundingClientRect();
    const sizes = visible.map(({ canvas }) => canvas.size);
    this.#list.style.setProperty("--columns", String(columns({ width, height }, sizes)));
    this.#fill.setAttribute("aria-pressed", String(this.#fills));
    for (const { canvas, widestPx } of visible) {
      const isNarrower = widestPx > 0 && widestPx <= this.#cutWidth;
      canvas.place(this.#fills, isNarrower ? 0 : this.#cutWidth);
    }
    this.#onShown(gone);
  }

  /** @param {string | null} id null: all */
  #enlarge(id) {
    const address = new URL(location.href);
    address.hash = id === null ? "" : String(new URLSearchParams({ [ENLARGED]: id }));
    history.replaceState(history.state, "", address);
    this.#arrange();
  }

  /** @param {EventTarget | null} target */
  #clicked(target) {
    const tile = this.#shown.find(({ element }) => target instanceof Node && element.contains(target));
    if (!tile || this.#shown.length < 2 || this.#isAlone) return;
    if (!this.#enlarged) this.#enlarge(tile.id);
    else if (target instanceof Element && tile.button.contains(target)) this.#enlarge(null);
    tile.button.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { key, target } = event;
    const shown = this.#shown;
    if (shown.length < 2 || this.#isAlone || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (key === "Escape" && this.#enlarged && !this.#stage.classList.contains("wall")) this.#enlarge(null);
    else if (/^\d$/.test(key)) this.#enlarge(key === "0" ? null : (shown[Number(key) - 1]?.id ?? this.enlarged));
    else if (!this.#enlarged) {
      const here = shown.findIndex(({ button }) => button === target);
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.#columns, ArrowDown: this.#columns }[key];
      if (here < 0 || !step) return;
      shown[here + step]?.button.focus();
      event.stopPropagation(); // these keys browse elsewhere
    } else return;
    event.preventDefault();
  }

  get #columns() {
    return Number(this.#list.style.getPropertyValue("--columns"));
  }

  /** The ratio changes when the window is zoomed or moves to another screen. */
  #watchRatio() {
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const changed = () => {
      this.#place();
      this.#watchRatio();
    };
    query.addEventListener("change", changed, { once: true });
  }
}

/**
 * The number of columns with which all pictures are seen at once, and are largest. If there are too many for that, as
 * many columns as there is room for.
 * @param {Size} area
 * @param {Size[]} pictures
 */
export function columns(area, pictures) {
  const room = Math.max(1, Math.min(pictures.length, Math.floor(area.width / LEAST.width)));
  let best = room;
  let most = 0;
  for (let count = 1; count <= room; count += 1) {
    const width = area.width / count;
    const height = area.height / Math.ceil(pictures.length / count);
    if (height < LEAST.height) continue;
    const covered = pictures.reduce((sum, each) => {
      const scale = Math.min(width / each.width, (height - CAPTION_HEIGHT) / each.height);
      return sum + each.width * each.height * scale ** 2;
    }, 0);
    if (covered > most) {
      most = covered;
      best = count;
    }
  }
  return best;
}
