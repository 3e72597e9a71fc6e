// Stands in the page itself, before all else: a question is on its way before the page that shows its answers is read.
// <live-answers> takes over what was heard.
const listen = (stream) => {
  const source = new EventSource(stream);
  const heard = [];
  for (const kind of ["put", "done", "error"]) {
    source.addEventListener(kind, (event) => {
      if (kind !== "put") source.close(); // a browser would connect again, and so ask every hospital again
      heard.push(event);
    });
  }
  window.asked?.source.close();
  window.asked = { stream, source, heard };
};

const { stream } = document.currentScript.dataset;
if (stream) listen(stream);
document.addEventListener("htmx:before:request", (event) => {
  if (event.target.dataset?.stream) listen(event.target.dataset.stream);
});
