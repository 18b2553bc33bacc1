// The one module that every page loads; each part enhances what is already usable without it.
import { startDialogs } from "./dialog.js";
import { foldFilters, startList } from "./list.js";
import { startMenus, startSideBar } from "./frame.js";
import { enhance } from "./enhance.js";
import { startKeepingCodes } from "./keep_codes.js";
import { startProgress } from "./progress.js";
import { startToasts } from "./toast.js";
import { startSubmitGuard } from "./submit_guard.js";
import { startSwitcher } from "./switcher.js";

startSideBar();
startMenus();
startSwitcher();
startToasts();
startSubmitGuard();
startDialogs();
foldFilters();
startList();
startKeepingCodes();
enhance(document);
document.querySelectorAll("[data-progress]").forEach(startProgress);
// For whoever drives a browser: from here on a press opens a dialog instead of its page.
document.documentElement.dataset.ready = "";
