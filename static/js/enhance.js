// What a freshly inserted piece of page needs: the whole document at first, later each dialog fragment.
import { startAmounts } from "./amounts.js";
import { startConsent } from "./consent.js";
import { startLivePreview } from "./live_preview.js";
import { startPresets } from "./presets.js";
import { startTabs } from "./tabs.js";
import { startWideTable } from "./wide_tables.js";

export function enhance(root) {
  root.querySelectorAll("[data-tabs]").forEach(startTabs);
  root.querySelectorAll(".table-wrap").forEach(startWideTable);
  root.querySelectorAll("form").forEach((form) => {
    startLivePreview(form);
    startConsent(form);
    startPresets(form);
    if (form.dataset.amountsOf) startAmounts(form);
  });
}
