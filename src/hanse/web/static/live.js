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
    const { source, heard } = this.begun(address);
    this.source = source;
    const act = {
      put: (event) => whole.then(() => this.put(JSON.parse(event.data))),
      done: () => this.close(),
      // A browser would connect again, and so ask every hospital again.
      error: () => {
        this.close();
        whole.then(() => { this.querySelector("[data-lost]").hidden = false; });
      },
    };
    for (const event of heard) act[event.type](event);
    for (const kind of Object.keys(act)) source.addEventListener(kind, act[kind]);
    this.late = setTimeout(() => this.sayWhoIsSlow(), 3000);
  }

  // The stream that early.js opened for this very question, once; else a new one.
  begun(address) {
    const asked = window.asked;
    window.asked = undefined;
    if (asked?.stream === address) return { source: asked.source, heard: asked.heard.splice(0) };
    asked?.source.close();
    return { source: new EventSource(address), heard: [] };
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
