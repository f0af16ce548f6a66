// What a try costs while somebody guesses: the browser computes for some seconds, in workers, so that the page lives. Without
// this script what stands under [data-scriptless] is the way: a sum, or to wait.

const place = document.querySelector("[data-puzzle]");
const MOST = 4; // workers

function begin() {
  const form = place.closest("form");
  const bar = place.querySelector("progress");
  const [seal, parts, below] = [place.dataset.puzzle.split(".")[3], bar.max, Number(place.dataset.below)];
  const numbers = [], workers = [];
  const otherwise = form.querySelectorAll("[data-scriptless]");
  let [next, left, wanted] = [0, parts, "sends" in place.dataset];

  const show = (ours) => {
    place.hidden = !ours;
    for (const each of otherwise) {
      each.hidden = ours;
      for (const input of each.querySelectorAll("input")) input.disabled = ours;
    }
  };
  const end = () => workers.splice(0).forEach((worker) => worker.terminate());
  const give = (worker) => { if (next < parts) worker.postMessage({ seal, part: next++, below }); };
  const solved = () => {
    end();
    form.elements.solved.value = `${place.dataset.puzzle}.${numbers.join("")}`;
    for (const each of place.querySelectorAll("[data-while]")) each.hidden = each.dataset.while === "on";
    // There is no requestSubmit() before iOS 16.
    if (wanted) form.querySelector("button:not([type=button])").click();
  };

  // Pressed too early: it is sent as soon as the computation is done. No other listener sees this press.
  form.addEventListener("submit", (event) => {
    if (!left || place.hidden) return;
    event.preventDefault();
    event.stopPropagation();
    wanted = true;
  });
  for (let n = Math.min(MOST, navigator.hardwareConcurrency || 1); n > 0; n--) {
    const worker = new Worker(place.dataset.worker);
    workers.push(worker);
    worker.onmessage = ({ data: { part, number } }) => {
      numbers[part] = number;
      left -= 1;
      bar.value = parts - left;
      if (left) give(worker); else solved();
    };
    worker.onerror = () => { end(); show(false); };
    give(worker);
  }
  show(true);
}

if (place && window.Worker) begin();
