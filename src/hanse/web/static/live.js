// <live-answers src="...">: opens the stream once, and lets each element that arrives take the place of the one with
// the same id. The server writes all HTML; an element is kept and only filled anew, so that focus and the live
// region stay. This script waits for no other: the question is on its way while the page is still being read.
class LiveAnswers extends HTMLElement {
  connectedCallback() {
    const whole = new Promise((resolve) => {
      if (document.readyState !== "loading") resolve();
      else document.addEventListener("DOMContentLoaded", resolve, { once: true });
    });
    whole.then(() => this.isConnected && this.watch());
    const address = this.getAttribute("src");
    if (!address || this.source) return;
    this.source = new EventSource(address);
    this.source.addEventListener("put", (event) => whole.then(() => this.put(JSON.parse(event.data))));
    this.source.addEventListener("done", () => this.close());
    // A browser would connect again, and so ask every hospital again.
    this.source.addEventListener("error", () => {
      this.close();
      whole.then(() => { this.querySelector("[data-lost]").hidden = false; });
    });
    this.late = setTimeout(() => this.sayWhoIsSlow(), 3000);
  }

  disconnectedCallback() {
    this.close();
    this.observer?.disconnect();
  }

  close() {
    this.source?.close();
    clearTimeout(this.late);
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

  sayWhoIsSlow() {
    for (const badge of this.querySelectorAll(".node.waiting .badge")) {
      badge.textContent = this.dataset.slow;
      badge.classList.add("warn");
    }
  }

  // The question can change above while its answers stay.
  watch() {
    const question = document.getElementById("question");
    const compare = () => {
      const same = question.dataset.question === this.dataset.question;
      this.querySelector("[data-older]").hidden = same;
      const ask = question.querySelector(".ask-now");
      if (ask) this.querySelector("[data-again]").href = ask.href;
    };
    this.observer = new MutationObserver(compare);
    this.observer.observe(question, { attributes: true, attributeFilter: ["data-question"], childList: true });
  }
}

customElements.define("live-answers", LiveAnswers);
