// <passkey-form>: a form that a passkey answers before it is sent. The server says what is asked of the passkey.
class PasskeyForm extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("form");
    const button = form.querySelector("button");
    const status = this.querySelector("[role=status]");
    if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
      status.textContent = status.dataset.missing;
      return;
    }
    button.disabled = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      status.textContent = "";
      button.disabled = true;
      try {
        const answer = await this.#ask();
        form.elements.answer.value = JSON.stringify(answer.toJSON());
        form.submit();
      } catch {
        status.textContent = status.dataset.failed;
        button.disabled = false;
      }
    });
  }

  #ask() {
    const options = JSON.parse(this.dataset.options);
    return this.dataset.act === "create"
      ? navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
  }
}

customElements.define("passkey-form", PasskeyForm);
