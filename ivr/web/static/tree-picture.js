// A menu tree's picture that is wider than its place shows the first step at first: at its edge there is often nothing.

for (const picture of document.querySelectorAll(".tree-picture")) {
  const first = picture.querySelector("[data-step]");
  if (!first) continue;
  const [its, place] = [first, picture].map((each) => each.getBoundingClientRect());
  picture.scrollLeft += its.left + its.width / 2 - place.left - place.width / 2;
}
