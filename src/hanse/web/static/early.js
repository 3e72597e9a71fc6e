// Stands in the page itself, before all else: the question is on its way before any file of the page is read.
// <live-answers> takes over what was heard.
const { stream } = document.currentScript.dataset;
const source = new EventSource(stream);
const heard = [];
for (const kind of ["put", "done", "error"]) {
  source.addEventListener(kind, (event) => {
    if (kind !== "put") source.close(); // a browser would connect again, and so ask every hospital again
    heard.push(event);
  });
}
window.asked = { stream, source, heard };
