// Numbers as text, each with its unit.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const PREFIXES = ["", "k", "M", "G", "T"];

/** A count, such as 12,345. @param {number} value */
export function count(value) {
  return whole.format(value);
}

/** Three digits that matter, and no more noise than that. @param {number} value */
function short(value) {
  if (value >= 99.95) return whole.format(value);
  return value.toFixed(value >= 9.995 ? 1 : 2);
}

/** An amount of bytes, such as 1.23 MB, in powers of 1000. @param {number} bytes */
export function size(bytes) {
  let value = bytes;
  let place = 0;
  while (value >= 999.5 && place < PREFIXES.length - 1) {
    value /= 1000;
    place += 1;
  }
  return `${place === 0 ? whole.format(value) : short(value)} ${PREFIXES[place]}B`;
}

/** How often a second. @param {number} perSecond */
export function rate(perSecond) {
  if (perSecond === 0) return "0";
  return perSecond < 0.995 ? perSecond.toFixed(2) : perSecond.toFixed(perSecond < 99.95 ? 1 : 0);
}

/** A length of time, such as 8 ms, 2.4 s, 3 min, 5 h or 12 d. @param {number} ms */
export function duration(ms) {
  if (ms < 999.5) return `${whole.format(Math.max(0, ms))} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${whole.format(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${whole.format(ms / 3_600_000)} h`;
  return `${whole.format(ms / 86_400_000)} d`;
}

/** A place on a timeline, such as 1:02.3 or 1:00:00.0. @param {number} seconds */
export function position(seconds) {
  const tenths = Math.floor(Math.max(0, seconds) * 10 + 1e-6);
  const minutes = Math.floor(tenths / 600);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** A value of a sensor: whole numbers whole, others short enough to be read while they change. @param {number} value */
export function reading(value) {
  const text = String(value);
  if (text.length <= 9 || Number.isInteger(value)) return text;
  const isLarge = Math.abs(value) >= 1e5 && Math.abs(value) < 1e15;
  const rounded = isLarge ? value.toFixed(1) : value.toPrecision(6);
  return rounded.includes("e") ? rounded : String(Number(rounded));
}
