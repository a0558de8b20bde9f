// Helpers for the document and for what the browser stores.

/**
 * The element with this id, which must be there.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new TypeError(`#${id} is no ${kind.name}`);
}

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} className
 * @param {string} text
 */
export function make(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Set an element's text, unless it is the same already. @param {Element} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Set the text of a `data` element, and its value.
 * @param {HTMLDataElement} element
 * @param {number | string} value
 * @param {string} text
 */
export function measure(element, value, text) {
  write(element, text);
  if (element.value !== String(value)) element.value = String(value);
}

/** A text stored under a name. Where the browser refuses to store it, it lasts as long as the page is open. */
export class Stored {
  #name;
  #storage;
  /** @type {string | null} */
  #value = null;

  /** @param {string} name @param {() => Storage} storage */
  constructor(name, storage) {
    this.#name = name;
    this.#storage = storage;
    try {
      this.#value = storage().getItem(name);
    } catch {
      // nothing was stored
    }
  }

  get value() {
    return this.#value;
  }

  /** @param {string | null} value null: remove it */
  set value(value) {
    this.#value = value;
    try {
      if (value === null) this.#storage().removeItem(this.#name);
      else this.#storage().setItem(this.#name, value);
    } catch {
      // kept in memory only
    }
  }
}
