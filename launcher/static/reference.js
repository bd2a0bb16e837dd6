// The reference of the API: a filter for its calls, which fold on a phone.
// Without this file all of them are there, open.

const doors = [...document.querySelectorAll(".door[data-filtered]")];
const filter = document.querySelector("#filter");
const field = filter.querySelector("input");
const count = filter.querySelector("[role=status]");
const words = new Map(doors.map((door) => [door, [...door.querySelectorAll("summary, .about, th code, dd code")]
  .map((each) => each.textContent).join(" ").toLowerCase()]));

function narrow() {
  const asked = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const door of doors) {
    door.hidden = !asked.every((word) => words.get(door).includes(word));
    found += !door.hidden;
    document.querySelector(`.toc a[href="#${door.id}"]`).hidden = door.hidden;
  }
  count.textContent = !asked.length ? "" : found ? count.dataset.words.replace("{}", found)
    : count.dataset.none.replace("{}", field.value.trim());
}

// An address with a call in it shows that call.
function reveal() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const door = target?.closest(".door[data-filtered]");
  if (target && !(door && !door.hidden)) field.value = "", narrow();
  if (!door) return target?.scrollIntoView();
  door.querySelector("details").open = true;
  door.scrollIntoView();
}

filter.hidden = false;
field.addEventListener("input", narrow);
addEventListener("hashchange", reveal);
document.addEventListener("click", ({ target }) => { if (target.closest("a")?.hash === location.hash) reveal(); });
if (matchMedia("(width < 48rem)").matches) for (const door of doors) door.querySelector("details").open = false;
narrow(); // the field keeps its text when the page is loaded again
reveal();
