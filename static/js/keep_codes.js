// <button data-copy="id">: copies the text of that element and says so on the button. <button data-print>: prints the page.
export function startKeepingCodes() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy], [data-print]");
    if (!button) return;
    if ("print" in button.dataset) {
      window.print();
      return;
    }
    const element = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(element.textContent);
      button.textContent = button.dataset.copied;
    } catch {
      // The clipboard may be closed to pages; chosen text can be copied by hand.
      window.getSelection().selectAllChildren(element);
    }
  });
}
