// Similar confirmed cases come after the page itself: the engine has to look at the picture again.

const place = document.getElementById("similar");

async function look() {
  try {
    const answer = await fetch(place.dataset.address, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    place.innerHTML = await answer.text();
  } catch {
    place.textContent = place.dataset.failed;
  } finally {
    place.removeAttribute("aria-busy");
  }
}

if (place) look();
