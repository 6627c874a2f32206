/** A photo chosen or dropped in, what is sent of it out: small, on white, and kept as long as the visit. */
import { pictures } from "./api.js";
import { $ } from "./dom.js";
import { addressOf, parse } from "./query.js";
import { go } from "./router.js";
import { randomName, read, write } from "./store.js";
import { toast } from "./toast.js";

const SIDE = 512;
const KEPT = 5;

/* A JPEG of at most 512 pixels a side; a phone's photo is a hundred times as large, and the shop sees no more. */
async function small(file) {
  const photo = await createImageBitmap(file);
  const scale = Math.min(1, SIDE / Math.max(photo.width, photo.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(photo.width * scale));
  canvas.height = Math.max(1, Math.round(photo.height * scale));
  const brush = canvas.getContext("2d");
  brush.fillStyle = "white";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.drawImage(photo, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.88);
}

/** The picture of that name as a data: address, "" when this visit does not have it any more. */
export const kept = (name) => read("pictures", [], sessionStorage).find(([other]) => other === name)?.[1] ?? "";

async function ask(file) {
  let image;
  try {
    image = await small(file);
  } catch {
    return toast("That file is no picture that can be read. Try a JPEG or a PNG.");
  }
  const name = randomName(8);
  write("pictures", [[name, image], ...read("pictures", [], sessionStorage)].slice(0, KEPT), sessionStorage);
  return go(addressOf({ ...parse(""), q: $("#q").value.trim(), picture: name }));
}

/** Show the camera where the shop can be searched by picture, and take what is dropped on the box. */
export async function install() {
  const [button, chooser, form] = [$("#camera"), $("#picture"), $("#searchform")];
  if (!(await pictures()).searchable) return;
  button.hidden = false;
  button.addEventListener("click", () => chooser.click());
  chooser.addEventListener("change", () => {
    if (chooser.files.length) ask(chooser.files[0]);
    chooser.value = "";
  });
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (event.dataTransfer.files.length) ask(event.dataTransfer.files[0]);
  });
}
