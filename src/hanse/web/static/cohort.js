// The cohort page works without this: here typing is completed, and long lists are searched.

// <value-list>: a long list of boxes with a field that shows those whose words hold what is typed.
class ValueList extends HTMLElement {
  connectedCallback() {
    const filter = this.querySelector(".filter");
    if (!filter) return;
    filter.hidden = false;
    const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
    filter.addEventListener("input", (event) => {
      const wanted = plain(event.target.value.trim());
      for (const item of this.querySelectorAll(".options li")) {
        const chosen = item.querySelector("input").checked;
        item.hidden = Boolean(wanted) && !chosen && !plain(item.dataset.words + item.textContent).includes(wanted);
      }
    });
    filter.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      const first = this.querySelector(".options li:not([hidden]) input:not(:checked)");
      if (first && event.target.value) first.checked = true;
    });
  }
}

customElements.define("value-list", ValueList);

// Choosing a field inside a criterion shows its values at once.
document.addEventListener("change", (event) => {
  if (event.target.matches?.("select[data-look]")) {
    const form = event.target.form;
    form.requestSubmit(form.querySelector(".look"));
  }
});

// Whoever asks sees what comes of it, also on a small screen. Nothing moves where it is in view, and focus stays.
document.addEventListener("htmx:after:swap", (event) => {
  if (!event.target.matches("main")) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const outcome = event.target.querySelector(".problem, .sums");
  outcome?.scrollIntoView({ block: "nearest", behavior: still ? "instant" : "smooth" });
});

// <query-text>: offers what may come next while a question is typed. The list is the hub's vocabulary, never data.
class QueryText extends HTMLElement {
  connectedCallback() {
    this.area = this.querySelector("textarea");
    if (this.list) return;
    this.list = document.createElement("ul");
    Object.assign(this.list, { id: "offered", hidden: true });
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", this.getAttribute("label"));
    this.append(this.list);
    this.area.setAttribute("aria-autocomplete", "list");
    this.area.setAttribute("aria-controls", "offered");
    this.area.addEventListener("input", () => this.soon());
    this.area.addEventListener("keydown", (event) => this.key(event));
    this.area.addEventListener("blur", () => setTimeout(() => this.hide(), 150));
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const item = event.target.closest("li");
      if (item) this.take(Number(item.dataset.place));
    });
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.look(), 80);
  }

  async look() {
    const at = this.area.selectionStart;
    const asked = new URLSearchParams({ q: this.area.value, at, language: this.getAttribute("language") });
    if (String(asked).length > 6000) return this.hide();
    const answer = await fetch(`/api/v1/complete?${asked}`).catch(() => null);
    if (!answer?.ok || at !== this.area.selectionStart) return;
    this.offer((await answer.json()).suggestions);
  }

  offer(suggestions) {
    this.suggestions = suggestions;
    this.active = -1;
    this.area.removeAttribute("aria-activedescendant");
    this.list.replaceChildren(
      ...suggestions.map((one, place) => {
        const item = document.createElement("li");
        item.id = `offered-${place}`;
        item.dataset.place = place;
        item.setAttribute("role", "option");
        const code = document.createElement("code");
        code.textContent = one.insert;
        const label = document.createElement("span");
        label.textContent = one.label;
        item.append(code, label);
        return item;
      }),
    );
    this.list.hidden = !suggestions.length;
  }

  key(event) {
    if (event.key === "ArrowDown" && this.list.hidden && !event.isComposing) {
      event.preventDefault();
      this.look();
    } else if (!this.list.hidden && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      this.move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape" && !this.list.hidden) {
      event.preventDefault();
      this.hide();
    } else if (["Enter", "Tab"].includes(event.key) && !this.list.hidden && this.active >= 0) {
      event.preventDefault();
      this.take(this.active);
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.area.form.requestSubmit(this.area.form.querySelector("[data-ask]"));
    }
  }

  move(step) {
    const items = this.list.children;
    items[this.active]?.removeAttribute("aria-selected");
    this.active = (this.active + step + items.length) % items.length;
    items[this.active].setAttribute("aria-selected", "true");
    items[this.active].scrollIntoView({ block: "nearest" });
    this.area.setAttribute("aria-activedescendant", items[this.active].id);
  }

  take(place) {
    const { insert, start, end } = this.suggestions[place];
    // What was typed since the list came is part of the word that it completes.
    this.area.setRangeText(insert, start, Math.max(end, this.area.selectionStart), "end");
    this.hide();
    this.area.focus();
    this.look();
  }

  hide() {
    clearTimeout(this.waiting);
    this.list.hidden = true;
    this.area.removeAttribute("aria-activedescendant");
  }
}

customElements.define("query-text", QueryText);
