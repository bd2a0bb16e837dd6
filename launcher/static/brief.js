// The state of a tile opens what is known of the health of its app. Without this file, and where
// that cannot be had, it leads to the page about it.
let brief = null;
let opener = null;
for (const link of document.querySelectorAll("a.state")) link.setAttribute("aria-haspopup", "dialog");

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a.state");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (opener === link && brief.matches(":popover-open")) return brief.hidePopover();
  opener = link;
  try {
    const answer = await fetch(`${link.href}/brief`, { redirect: "manual", signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(answer.status);
    const shown = new DOMParser().parseFromString(await answer.text(), "text/html").body.firstElementChild;
    if (opener !== link) return;
    brief?.remove();
    brief = shown;
    document.body.append(brief);
    brief.showPopover({ source: link });
    brief.focus();
  } catch {
    location.assign(link.href);
  }
});
