// A telephone in the browser, over Asterisk's WebSocket. It calls, one call at a time, and is never called.
//
//   const phone = new Phone({ url, user, secret });
//   phone.addEventListener("change", () => show(phone.state, phone.trouble));
//   await phone.call("111");            // phone.press("1"), phone.mute(true), phone.hangUp()
//
// state:   idle → microphone → connecting → ringing → talking → idle
// trouble: "" or why the last call did not come about or ended: insecure, refused, no_microphone, microphone,
//          unreachable, busy, rejected, lost

import { UA, WebSocketInterface } from "./vendor/jssip.min.js";

const CONNECT_MS = 8000;
const TONE = { transportType: "RFC2833", duration: 120, interToneGap: 80 };
const MICROPHONE = { audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } };
// A browser that was given no microphone hides its addresses. Asterisk takes 0.0.0.0 for a call on hold, and gives up on
// names that it can't resolve. Any address will do: the browser, which knows Asterisk's, finds the way.
const HIDDEN = [[/^c=IN IP4 0\.0\.0\.0/gm, "c=IN IP4 127.0.0.1"], [/[0-9a-f-]+\.local \d+/g, "127.0.0.1 9"]];

export class Phone extends EventTarget {
  #account; #ua = null; #session = null; #stream = null; #sound = null; #meters = {}; #player = new Audio();
  #speaking = false;

  constructor(account) {
    super();
    this.#account = account;
    this.state = "idle";
    this.trouble = "";
    this.muted = false;
    this.since = 0;
    addEventListener("pagehide", () => this.hangUp());
    addEventListener("beforeunload", (event) => {
      if (this.state !== "talking" || !this.#speaking) return; // who listens cuts nobody off
      event.preventDefault();
      event.returnValue = true; // before 119 Chrome asks for this alone
    });
  }

  /** Call a number. Without `speaking` no microphone is asked for, and the other side hears silence. */
  async call(number, { speaking = true } = {}) {
    if (this.state !== "idle") return;
    this.#speaking = speaking;
    this.#become("microphone");
    // Made while the click still counts, or the browser keeps it silent.
    const sound = this.#sound = new AudioContext();
    const goesOn = () => this.#sound === sound;  // she may have hung up, and called again
    sound.resume();
    try {
      const stream = speaking ? await microphone() : sound.createMediaStreamDestination().stream;
      if (!goesOn()) return stream.getTracks().forEach((track) => track.stop());
      this.#stream = stream;
      this.#become("connecting");
      await this.#connect();
      if (goesOn()) this.#dial(number);
    } catch (error) {
      if (goesOn()) this.#end(typeof error === "string" ? error : "unreachable");
    }
  }

  press(key) {
    if (this.state === "talking") this.#session.sendDTMF(key, TONE);
  }

  mute(on) {
    this.muted = on;
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !on;
    this.#changed();
  }

  hangUp() {
    if (this.state !== "idle") this.#end("");
  }

  /** How loud both sides are now, 0 to 1. */
  levels() {
    return { mine: level(this.#meters.mine), theirs: level(this.#meters.theirs) };
  }

  #connect() {
    const { url, user, secret } = this.#account;
    const host = new URL(url).hostname;
    const ua = this.#ua = new UA({
      sockets: [new WebSocketInterface(url)],
      uri: `sip:${user}@${host}`,
      password: secret,
      register: false,
      session_timers: false,
    });
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject("unreachable"), CONNECT_MS);
      ua.on("connected", () => { clearTimeout(timer); resolve(); });
      ua.on("disconnected", () => {
        clearTimeout(timer);
        reject("unreachable");
        // A talk goes on without it: its sound comes another way, and ends the talk where it fails.
        if (this.state === "ringing") this.#endOf(ua, "lost");
      });
      ua.start();
    });
  }

  #dial(number) {
    const host = new URL(this.#account.url).hostname;
    const ua = this.#ua;
    const session = ua.call(`sip:${number}@${host}`, {
      mediaStream: this.#stream,
      pcConfig: { iceServers: [] },
      eventHandlers: {
        sdp: (told) => { for (const [hidden, any] of HIDDEN) told.sdp = told.sdp.replace(hidden, any); },
        progress: () => this.#become("ringing"),
        confirmed: () => { this.since = Date.now(); this.#become("talking"); },
        failed: ({ cause }) => this.#endOf(ua, CAUSES[cause] ?? "rejected"),
        ended: ({ cause }) => this.#endOf(ua, cause === "Terminated" || cause === "Canceled" ? "" : "lost"),
      },
    });
    this.#session = session;
    this.#meters.mine = meter(this.#sound, this.#stream);
    // JsSIP watches the state of ICE, which stays "disconnected" in Chrome.
    session.connection.addEventListener("connectionstatechange", ({ target }) => {
      if (target.connectionState === "failed") this.#endOf(ua, "lost");
    });
    session.connection.addEventListener("track", ({ streams: [stream], track }) => {
      const heard = stream ?? new MediaStream([track]);
      this.#player.srcObject = heard;
      this.#player.play().catch(() => {});
      this.#meters.theirs = meter(this.#sound, heard);
    });
  }

  /** Unless its call has ended already: its connection stays for two more seconds, and there may be another call. */
  #endOf(ua, trouble) {
    if (this.#ua === ua) this.#end(trouble);
  }

  #end(trouble) {
    const [session, ua, stream, sound] = [this.#session, this.#ua, this.#stream, this.#sound];
    this.#session = this.#ua = this.#stream = this.#sound = null;
    this.#meters = {};
    this.trouble = trouble;
    this.muted = false;
    this.#become("idle", trouble);
    if (session && !session.isEnded()) session.terminate();
    stream?.getTracks().forEach((track) => track.stop());
    this.#player.srcObject = null;
    sound?.close();
    ua?.stop();
  }

  #become(state, trouble = "") {
    this.state = state;
    this.trouble = trouble;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

// JsSIP's causes → ours.
const CAUSES = {
  Busy: "busy", Unavailable: "busy", "Connection Error": "unreachable", "Request Timeout": "unreachable",
  "Authentication Error": "rejected", "User Denied Media Access": "refused", Canceled: "", "WebRTC Error": "microphone",
};

async function microphone() {
  if (!isSecureContext || !navigator.mediaDevices?.getUserMedia) throw "insecure";
  try {
    return await navigator.mediaDevices.getUserMedia(MICROPHONE);
  } catch ({ name }) {
    if (name === "NotAllowedError" || name === "SecurityError") throw "refused";
    throw name === "NotFoundError" || name === "OverconstrainedError" ? "no_microphone" : "microphone";
  }
}

function meter(sound, stream) {
  const analyser = sound.createAnalyser();
  analyser.fftSize = 1024;
  sound.createMediaStreamSource(stream).connect(analyser);
  return analyser;
}

function level(analyser) {
  if (!analyser) return 0;
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  return Math.max(0, Math.min(1, 1 + Math.log10(power + 1e-6) / 4));  // −40 dB … 0 dB
}
