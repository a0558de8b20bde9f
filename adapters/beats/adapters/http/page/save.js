// Saves a picture as the very file that was sent.

/**
 * @param {number | bigint} sequence
 * @param {Uint8Array} png
 */
export function save(sequence, png) {
  const url = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (png)], { type: "image/png" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `frame-${sequence}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // some browsers read it only when a person has agreed
}
