// "Current → after" while one types. A preview only: what is posted is the typed value, and the server reckons again.
//   data-live="sum"    after = base + factor × sign × typed      (data-live-field, data-live-base, data-live-factor)
//   data-live="value"  after = typed                             (data-live-field)
//   data-live="fee"    after = base points + max(0, typed − included) × extra   (data-live-fee="10,10,1")
// The sign comes from radio buttons: data-live-sign-field="direction" data-live-signs="add:1,take_back:-1".
// data-live-credit-limit="30": with a negative sign no more than this is moved (a payer gets back only what was held).
// data-live-warn="id" names an element that is shown while the result is below zero.
const GROUPED = new Intl.NumberFormat("ja-JP");

export function startLivePreview(form) {
  const outputs = [...form.querySelectorAll("[data-live]")];
  if (!outputs.length) return;
  const show = () => outputs.forEach((output) => showOne(form, output));
  form.addEventListener("input", show);
  form.addEventListener("change", show);
  show();
}

function typedNumber(form, name) {
  const text = (form.elements[name]?.value ?? "").normalize("NFKC").trim();
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : null;
}

function signOf(form, data) {
  if (!data.liveSignField) return 1;
  const chosen = form.elements[data.liveSignField]?.value;
  const signs = new Map(data.liveSigns.split(",").map((pair) => pair.split(":")));
  return signs.has(chosen) ? Number(signs.get(chosen)) : null;
}

function result(form, data) {
  const typed = typedNumber(form, data.liveField);
  if (typed === null) return null;
  if (data.live === "value") return typed;
  if (data.live === "fee") {
    const [base, included, extra] = data.liveFee.split(",").map(Number);
    return base + Math.max(0, typed - included) * extra;
  }
  const sign = signOf(form, data);
  if (sign === null) return null;
  const moved = sign < 0 && data.liveCreditLimit !== undefined ? Math.min(typed, Number(data.liveCreditLimit)) : typed;
  return Number(data.liveBase) + Number(data.liveFactor || 1) * sign * moved;
}

function showOne(form, output) {
  const after = result(form, output.dataset);
  const isBelowZero = after !== null && after < 0;
  output.textContent = after === null ? "–" : GROUPED.format(after).replace("-", "−");
  output.classList.toggle("negative", isBelowZero);
  const warning = output.dataset.liveWarn && form.querySelector(`#${CSS.escape(output.dataset.liveWarn)}`);
  if (warning) warning.hidden = !isBelowZero;
}
