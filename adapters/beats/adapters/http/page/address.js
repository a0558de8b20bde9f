// What the page's own address asks for, see docs/websocket.md.

/** The options of the stream that the address may contain. */
export const QUALITIES = ["formats", "quality", "max_width"];
export const CHOICES = ["kinds", "topics", "max_fps", "max_age_s", "snapshot", ...QUALITIES];
/** Options of the page, and the only value that each takes; null: any. */
const OPTIONS = new Map([
  ["view", "picture"],
  ["background", "transparent"],
  ["picture", null],
]);

/** What is wrong with the options of the page; empty: nothing. @param {URLSearchParams} asked */
export function fault(asked) {
  for (const [name, only] of OPTIONS) {
    const value = asked.get(name);
    if (value === null) continue;
    if (only !== null && value !== only) return `${name} is “${value.slice(0, 40)}”; it takes ${only}.`;
    if (asked.get("view") === null) {
      const instead = name === "picture" ? `, or #${new URLSearchParams({ picture: value })} to enlarge one of all` : "";
      return `${name} needs view=picture beside it${instead}.`;
    }
  }
  return "";
}

/**
 * A pattern that matches the topic of a picture. A comma would end it: it matches others too there, which the page
 * leaves out.
 * @param {string} id
 */
export function topicOf(id) {
  return id ? `frame/${id.replace(/[*?[]/g, "[$&]").replaceAll(",", "?")}` : "frame";
}
