// The scanner: the back camera, a QR reader, and a sentence for everything that can go wrong.
const lens = document.getElementById("lens");
const video = document.getElementById("video");
const frame = lens.querySelector(".frame");
const told = document.getElementById("told");
const torch = document.getElementById("torch");
const retry = document.getElementById("retry");
const again = document.getElementById("again");
const LAST = "comptoir-last-scan";
const EVERY = 120; // ms between two looks
const AWAY = 1500; // ms out of sight before the same code counts as a new one

let stream = null;
let reader = null;
let timer = 0;
let seenAt = performance.now();
let away = false; // looked for, and not seen, for that long

const SENTENCES = {
  NotAllowedError: "La caméra est refusée. Autorisez-la dans les réglages du navigateur, puis réessayez.",
  NotFoundError: "Aucune caméra sur cet appareil. Cherchez la personne ci-dessous.",
  OverconstrainedError: "Aucune caméra sur cet appareil. Cherchez la personne ci-dessous.",
  NotReadableError: "La caméra est prise par une autre application. Fermez-la, puis réessayez.",
};

async function quickReader() {
  if (!("BarcodeDetector" in window)) return null;
  const formats = await BarcodeDetector.getSupportedFormats();
  if (!formats.includes("qr_code")) return null;
  const detector = new BarcodeDetector({ formats: ["qr_code"] });
  return async (picture) => (await detector.detect(picture))[0]?.rawValue;
}

async function wasmReader() {
  const { prepareZXingModule, readBarcodes } = await import("../vendor/zxing/reader/index.js");
  const overrides = { locateFile: () => lens.dataset.wasm };
  await prepareZXingModule({ overrides, fireImmediately: true });
  const options = { formats: ["QRCode"], maxNumberOfSymbols: 1, tryHarder: true };
  return async (picture) => {
    const pixels = picture.getContext("2d").getImageData(0, 0, picture.width, picture.height);
    return (await readBarcodes(pixels, options))[0]?.text;
  };
}

const canvas = document.createElement("canvas");
canvas.getContext("2d", { willReadFrequently: true });

function picture() {
  const scale = Math.min(1, 720 / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = video.videoWidth * scale;
  canvas.height = video.videoHeight * scale;
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function chirp() {
  // Browsers refuse sound and vibration, loudly, on a page nobody has touched yet.
  if (navigator.userActivation && !navigator.userActivation.hasBeenActive) return;
  navigator.vibrate?.(60);
  try {
    const sound = new AudioContext();
    const tone = sound.createOscillator();
    const volume = sound.createGain();
    volume.gain.value = 0.12;
    tone.frequency.value = 880;
    tone.connect(volume).connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + 0.09);
  } catch {
    // A phone that plays no sound has vibrated, and the page changes.
  }
}

function stop() {
  clearTimeout(timer);
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
}

function found(code) {
  const target = lens.dataset.to + encodeURIComponent(code);
  seenAt = performance.now();
  if (code === sessionStorage.getItem(LAST) && !away) {
    again.hidden = false;
    document.getElementById("reopen").href = target;
    return false;
  }
  sessionStorage.setItem(LAST, code);
  lens.classList.add("read");
  told.textContent = "Carte lue.";
  chirp();
  stop();
  location.assign(target);
  return true;
}

async function look() {
  if (!stream) return;
  if (video.readyState >= 2) {
    const code = await reader(picture()).catch(() => null);
    if (code && stream && found(code)) return;
    away = !code && performance.now() - seenAt > AWAY;
    if (away) again.hidden = true;
  }
  timer = setTimeout(look, EVERY);
}

function fail(sentence) {
  stop();
  video.hidden = frame.hidden = torch.hidden = true;
  told.textContent = sentence;
  retry.hidden = false;
}

async function start() {
  retry.hidden = true;
  if (!navigator.mediaDevices?.getUserMedia) {
    const sentence = window.isSecureContext
      ? SENTENCES.NotFoundError
      : "La caméra ne s’ouvre que sur une adresse sécurisée (https). Cherchez la personne ci-dessous.";
    fail(sentence);
    return;
  }
  told.textContent = "Ouverture de la caméra…";
  try {
    const wanted = { facingMode: { ideal: "environment" }, width: { ideal: 1280 } };
    const opening = navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    // The reader is fetched while the person answers the camera's question.
    const loading = Promise.resolve(reader || loadReader());
    loading.catch(() => {}); // a refused camera is told first
    stream = await opening;
    reader = await loading;
  } catch (error) {
    const unread = "Le lecteur de codes n’a pas pu être chargé. Vérifiez le réseau, puis réessayez.";
    fail(SENTENCES[error.name] || unread);
    return;
  }
  if (document.hidden) {
    stop();
    return;
  }
  video.srcObject = stream;
  video.hidden = frame.hidden = false;
  await video.play().catch(() => {});
  offerTorch(stream.getVideoTracks()[0]);
  told.textContent = "Placez le code de la carte dans le cadre.";
  seenAt = performance.now();
  look();
}

async function loadReader() {
  return (await quickReader().catch(() => null)) || wasmReader();
}

function offerTorch(track) {
  torch.hidden = !track.getCapabilities?.().torch;
  torch.setAttribute("aria-pressed", "false");
  torch.onclick = async () => {
    const on = torch.getAttribute("aria-pressed") !== "true";
    await track.applyConstraints({ advanced: [{ torch: on }] });
    torch.setAttribute("aria-pressed", String(on));
  };
}

retry.addEventListener("click", start);
addEventListener("pagehide", stop);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stop();
  else if (!stream) start();
});
start();
