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
/** Marks an entry of the browser's history: the entry before it shows all pictures. */
const AFTER_ALL = "beats-after-all";
/** Pictures that have a key: 1 to 9. */
const MOST_KEYS = 9;
/** Where keys are typed, or choose something. */
const TYPED_INTO = "input:not([type=range]), select, textarea";

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
  /** The size of the widest frame that was not made smaller for this page; 0: none came. */
  widest = { width: 0, height: 0 };
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

  /** Note the size of a frame; true if its shape or greatest width has changed. @param {boolean} isCut */
  measure(isCut) {
    const { width, height } = this.canvas.size;
    const isReshaped = Math.abs(width / height / this.#shape - 1) > SAME_SHAPE;
    if (isReshaped) this.#shape = width / height;
    const isWider = width > this.widest.width && !isCut;
    if (isWider) this.widest = { width, height };
    return isReshaped || isWider;
  }

  /** The size in pixels, also that of the original if the frame was made smaller. @param {number} cutWidth */
  sizeText(cutWidth) {
    const { width, height } = this.canvas.size;
    const text = `${width} × ${height}`;
    if (width !== cutWidth || this.widest.width === width) return text;
    return this.widest.width ? `${text} of ${this.widest.width} × ${this.widest.height}` : `${text}, reduced`;
  }

  /** What a click and which key do. @param {boolean} isEnlarged @param {number} place among all, from 1 */
  tell(isEnlarged, place) {
    const key = place <= MOST_KEYS ? String(place) : "";
    this.button.setAttribute("aria-pressed", String(isEnlarged));
    this.button.title = isEnlarged ? "Show all (0 or Escape)" : `Enlarge${key && ` (${key})`}`;
    this.button.dataset.key = key;
  }

  /** Update size and rate. @param {number} cutWidth of frames that were made smaller for this page */
  refresh(cutWidth) {
    const { fps, quietMs } = this.pace;
    const text = this.sizeText(cutWidth);
    write(this.#size, `${text} · `);
    this.#size.classList.toggle("long", text.includes(" of "));
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
  #alone;
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
   * @param {{alone: string | null, isOpaque: boolean}} look the one picture that fills the window, or null for all;
   *   black where transparent
   * @param {(tile: Tile, picture: Picture) => void} onDrawn
   * @param {(gone: string[]) => void} onShown others are shown, or in another size; these pictures are gone
   */
  constructor(clock, { alone, isOpaque }, onDrawn, onShown) {
    this.#clock = clock;
    this.#alone = alone;
    this.#isOpaque = isOpaque;
    this.#onDrawn = onDrawn;
    this.#onShown = (/** @type {string[]} */ _) => {};
    this.#main = this.#add("", byId("canvas", HTMLCanvasElement));
    this.#fill.addEventListener("click", () => {
      this.#stored.value = this.#fills ? null : FILLS;
      this.#place();
    });
    this.#list.addEventListener("click", ({ target }) => this.#clicked(target));
    document.addEventListener("keydown", (event) => this.#key(event));
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

  /** The only picture that is seen; null: all are. */
  get only() {
    return this.#alone ?? this.#enlarged?.id ?? null;
  }

  /** The size of the selected picture, in words. */
  get sizeText() {
    return this.selected.pace.isDrawn ? this.selected.sizeText(this.#cutWidth) : "–";
  }

  /** Screen pixels that the widest picture covers, or its own if they are fewer. */
  get widthPx() {
    return Math.max(...this.#visible.map(({ shownPx, widest }) => Math.min(shownPx, widest.width || shownPx)));
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
    this.#sweepIn(GONE_MS);
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
    if (this.#shown.length > 1) for (const tile of this.#visible) tile.refresh(this.#cutWidth);
  }

  /** Whether pictures fill their areas, at any scale. */
  get #fills() {
    return this.#alone !== null || this.#stored.value === FILLS;
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
    tile.pace.drawn(picture.capturedMs);
    const isResized = tile.measure(tile.canvas.size.width === this.#cutWidth);
    if (isNew) this.#arrange();
    else if (isResized) this.#place();
    this.#onDrawn(tile, picture);
  }

  /** @param {number} ms */
  #sweepIn(ms) {
    clearTimeout(this.#goneTimer);
    this.#goneTimer = setTimeout(() => this.#sweep(), ms);
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
    const isMany = this.#isMany;
    const hadFocus = this.#list.contains(document.activeElement);
    const wasEnlarged = this.#enlarged !== null;
    this.#enlarged = (isMany && shown.find(({ id }) => id === asked)) || null;
    if (wasEnlarged && !this.#enlarged) this.#sweepIn(2 * GONE_MS); // the others may have to be asked for first
    const visible = this.#visible;
    this.#stage.classList.toggle("many", isMany);
    this.#stage.classList.toggle("enlarged", this.#enlarged !== null);
    shown.forEach((tile, place) => tile.tell(tile === this.#enlarged, place + 1));
    for (const { element } of visible) element.hidden = false;
    if (hadFocus) this.#enlarged?.button.focus({ preventScroll: true }); // the one that had it is hidden now
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
    for (const { canvas, widest } of visible) {
      const isNarrower = widest.width > 0 && widest.width <= this.#cutWidth;
      canvas.place(this.#fills, isNarrower ? 0 : this.#cutWidth);
    }
    this.#onShown(gone);
  }

  get #isMany() {
    return this.#shown.length > 1 && this.#alone === null;
  }

  /** Going back in the browser's history leads from an enlarged picture to all. @param {string | null} id null: all */
  #enlarge(id) {
    if (id === null && history.state === AFTER_ALL) {
      history.back();
      return;
    }
    const address = new URL(location.href);
    address.hash = id === null ? "" : String(new URLSearchParams({ [ENLARGED]: id }));
    if (id !== null && !this.#enlarged) history.pushState(AFTER_ALL, "", address);
    else history.replaceState(history.state, "", address);
    this.#arrange();
  }

  /** @param {EventTarget | null} target */
  #clicked(target) {
    const tile = this.#shown.find(({ element }) => target instanceof Node && element.contains(target));
    if (!tile || !this.#isMany) return;
    if (!this.#enlarged) this.#enlarge(tile.id);
    else if (target instanceof Element && tile.button.contains(target)) this.#enlarge(null);
    tile.button.focus({ preventScroll: true });
  }

  /** Digits and Escape work anywhere but in text fields, arrows in the stage. @param {KeyboardEvent} event */
  #key(event) {
    const { key, target } = event;
    if (!this.#isMany || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!(target instanceof Element) || target.matches(TYPED_INTO)) return;
    const shown = this.#shown;
    const digit = /^\d$/.test(key) ? Number(key) : Number.NaN;
    if (digit === 0 || (key === "Escape" && !this.#stage.classList.contains("wall"))) {
      if (!this.#enlarged) return;
      this.#enlarge(null);
    } else if (digit) {
      const chosen = shown[digit - 1];
      if (chosen && chosen !== this.#enlarged) this.#enlarge(chosen.id);
    } else if (!this.#enlarged && this.#stage.contains(target)) {
      const here = shown.findIndex(({ element }) => element.contains(target));
      const there = neighbour(key, here, this.#columns, shown.length);
      if (there === null) return;
      shown[there].button.focus();
    } else return;
    event.preventDefault(); // the same keys browse elsewhere
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
 * Where an arrow key leads in a grid.
 * @param {string} key
 * @param {number} here place from 0; -1: not in the grid yet
 * @param {number} columns
 * @param {number} count of places
 * @returns {number | null} null: this is no arrow key
 */
export function neighbour(key, here, columns, count) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (!step) return null;
  if (here < 0) return 0;
  const there = here + step;
  if (there >= 0 && there < count) return there;
  const isLastRow = Math.floor(here / columns) === Math.floor((count - 1) / columns);
  return key === "ArrowDown" && !isLastRow ? count - 1 : here; // the last row may be shorter
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
