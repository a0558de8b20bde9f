// What the server says of a command that asked for a receipt.

/**
 * @typedef {object} Receipt
 * @property {number} receipt the number that the command had
 * @property {boolean} taken
 * @property {string} error why it was not taken; empty when it was
 */

/**
 * Read a text message of the server.
 * @param {string} text
 * @returns {Receipt | null} null: it is no receipt
 */
export function readReceipt(text) {
  try {
    const { kind, receipt, taken, error } = JSON.parse(text);
    if (kind !== "receipt" || typeof receipt !== "number" || typeof taken !== "boolean") return null;
    return { receipt, taken, error: typeof error === "string" ? error : "" };
  } catch {
    return null;
  }
}
