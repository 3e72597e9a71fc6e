// <live-answers src="...">: opens the stream once, and lets each element that arrives take the place of the one with
// the same id. The server writes all HTML; an element is kept and only filled anew, so that focus and the live
// region stay.
class LiveAnswers extends HTMLElement {
  connectedCallback() {
    const address = this.getAttribute("src");
    if (!address) return;
    this.source = new EventSource(address);
    this.source.addEventListener("put", (event) => this.put(JSON.parse(event.data)));
    this.source.addEventListener("done", () => this.close());
    // A browser would connect again, and so ask every hospital again.
    this.source.addEventListener("error", () => {
      this.close();
      this.querySelector("[data-lost]").hidden = false;
    });
  }

  disconnectedCallback() {
    this.close();
  }

  close() {
    this.source?.close();
  }

  put(html) {
    const arrived = document.createElement("template");
    arrived.innerHTML = html;
    for (const element of [...arrived.content.children]) {
      const present = this.querySelector(`#${element.id}`);
      if (present) {
        present.className = element.className;
        present.replaceChildren(...element.childNodes);
      } else {
        this.querySelector(".nodes").append(element);
      }
    }
  }
}

customElements.define("live-answers", LiveAnswers);

// Enter asks; Shift and Enter begins a new line.
document.getElementById("q").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});
