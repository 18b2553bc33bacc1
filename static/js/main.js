// The one module that every page loads; each part enhances what is already usable without it.
import { startDialogs } from "./dialog.js";
import { startList } from "./list.js";
import { startMenus, startSideBar } from "./frame.js";
import { enhance } from "./enhance.js";
import { startToasts } from "./toast.js";
import { startSubmitGuard } from "./submit_guard.js";

startSideBar();
startMenus();
startToasts();
startSubmitGuard();
startDialogs();
startList();
enhance(document);
