// Every dialog is a page of its own; here the same page is fetched as a fragment and shown in one <dialog>.
// The protocol: header X-Fragment: 1. HTML answers are shown, JSON answers {"redirect": address} are followed.
import { enhance } from "./enhance.js";
import { markIdle, markSending } from "./submit_guard.js";

let shell;
let untouched = "";

export function startDialogs() {
  shell = document.querySelector("dialog[data-shell]");
  if (!shell) return;
  document.addEventListener("click", onClick);
  document.addEventListener("submit", onSubmit);
  shell.addEventListener("cancel", (event) => {
    event.preventDefault();
    closeGently();
  });
  // Without this a second press of Esc would close the dialog whatever was typed.
  shell.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    closeGently();
  });
  let pressedOutside = false;
  shell.addEventListener("mousedown", (event) => { pressedOutside = event.target === shell; });
  shell.addEventListener("click", (event) => {
    if (event.target === shell && pressedOutside) closeGently();
  });
}

function onClick(event) {
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  const link = event.target.closest("a");
  if (shell.open && event.target.closest("[data-close]")) {
    event.preventDefault();
    shell.close();
  } else if (plain && link?.matches("[data-dialog]")) {
    event.preventDefault();
    send(link.href, {}, null);
  }
}

function onSubmit(event) {
  const form = event.target;
  const isOurs = form.matches("form[data-dialog]") || (shell.contains(form) && form.getAttribute("method") === "post");
  if (!isOurs || event.defaultPrevented) return;
  event.preventDefault();
  // Url-encoded: a multipart body with many chosen rows would be refused as having too many parts.
  const body = new URLSearchParams(new FormData(form, event.submitter));
  // Not form.action: that would be the field or button of that name.
  const action = event.submitter?.getAttribute("formaction") ?? form.getAttribute("action");
  send(new URL(action || location.href, location.href), { method: "POST", body }, form);
}

async function send(address, options, form) {
  if (form) markSending(form);
  document.body.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(address, { ...options, headers: { "X-Fragment": "1" }, credentials: "same-origin" });
    const type = response.headers.get("Content-Type") ?? "";
    if (type.startsWith("application/json")) return follow((await response.json()).redirect);
    const text = await response.text();
    if (!type.startsWith("text/html") || !text.includes("data-fragment")) return follow(response.url);
    if (form && shell.contains(form) && text.includes("data-keeps-form")) return tellBeside(text);
    show(text, Boolean(form) && response.status >= 400);
  } catch {
    tellOffline(form);
  } finally {
    document.body.removeAttribute("aria-busy");
    if (form) markIdle(form);
  }
}

function follow(address) {
  const target = new URL(address, location.href);
  const isSamePage = target.pathname === location.pathname && target.search === location.search;
  location.assign(target);
  // An address that differs in its #part only would not be fetched again.
  if (isSamePage && target.hash) location.reload();
}

function show(text, isRefused) {
  shell.innerHTML = text;
  const body = shell.querySelector("[data-fragment]");
  shell.classList.toggle("wide", body.classList.contains("wide"));
  shell.setAttribute("aria-labelledby", "dialog-title");
  if (!shell.open) shell.showModal();
  enhance(shell);
  if (!isRefused) untouched = contents();
  const first = shell.querySelector("[aria-invalid=true]:not([type=hidden])") ?? shell.querySelector("[data-confirmation] input") ?? (isRefused && shell.querySelector("[role=alert]"))
    ?? shell.querySelector("[autofocus]") ?? shell.querySelector(".dialog-body :is(input, select, textarea):not([type=hidden], :disabled)");
  if (first) {
    if (first.getAttribute("role") === "alert") first.tabIndex = -1;
    first.focus();
  }
}

// What could not even be looked at, as after signing out in another tab, takes no form away that was filled in.
function tellBeside(text) {
  const said = new DOMParser().parseFromString(text, "text/html").querySelector(".dialog-body [role=alert]");
  shell.querySelector("[data-beside]")?.remove();
  said.dataset.beside = "";
  said.tabIndex = -1;
  shell.querySelector(".dialog-body").prepend(said);
  said.focus();
}

function contents() {
  const form = shell.querySelector("form");
  return form ? new URLSearchParams(new FormData(form)).toString() : "";
}

function closeGently() {
  const notice = shell.querySelector("[data-unsaved]");
  if (!notice || contents() === untouched) {
    shell.close();
    return;
  }
  notice.hidden = false;
  notice.querySelector("[data-close]").focus();
}

function tellOffline(form) {
  const place = form && shell.open ? shell.querySelector("[data-offline]") : document.querySelector("body > [data-offline]");
  if (place) place.hidden = false;
}
