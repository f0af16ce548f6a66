// The microphone as a WAV: samples from an AudioWorklet, 16 bits, one channel, 16,000 a second. The server makes
// of it what the telephone carries.

import { digits } from "./player.js";

const RATE = 16000;
const SOON_SECONDS = 10; // before it is full

export class Recorder {
  // `most`: so many seconds are taken. `told` hears how loud it is, 0 to 1, for how many seconds it goes on, and at
  // last, once, that it is full: nothing is kept from then on. `mend`: whether the browser makes speech clearer, and
  // duller. Throws when there is no microphone, or it can't be heard; then it is let go.
  static async start(worklet, most, told, mend = true) {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: mend, noiseSuppression: mend, autoGainControl: mend },
    });
    const recorder = new Recorder();
    recorder.stream = stream;
    recorder.pieces = [];
    try {
      const source = sourceOf(stream);
      const { context } = source;
      recorder.context = context;
      await context.audioWorklet.addModule(worklet);
      recorder.node = new AudioWorkletNode(context, "tape", { numberOfOutputs: 0 });
      let count = 0;
      recorder.node.port.onmessage = ({ data }) => {
        const full = count + data.length > context.sampleRate * most;
        if (full) {
          recorder.node.port.onmessage = null;
        } else {
          recorder.pieces.push(data);
          count += data.length;
        }
        told(Math.min(Math.max(...data.map(Math.abs)) * 1.2, 1), count / context.sampleRate, full);
      };
      source.connect(recorder.node);
      return recorder;
    } catch (error) {
      await recorder.stop();
      throw error;
    }
  }

  // Ends it; the WAV.
  async stop() {
    for (const track of this.stream.getTracks()) track.stop();
    const { context, pieces } = this;
    await context?.close();
    return wav(pieces.length && context.sampleRate !== RATE ? [await resampled(pieces, context.sampleRate)] : pieces);
  }
}

// For how many seconds it goes on, of how many; the last ones stand out.
export function showTime(clock, seconds, most, words = "") {
  clock.textContent = `${words} ${digits(Math.floor(seconds))} / ${digits(most)}`;
  clock.classList.toggle("bad", seconds > most - SOON_SECONDS);
}

// Firefox before 148 hears a microphone at no rate but its own.
function sourceOf(stream) {
  const ours = new AudioContext({ sampleRate: RATE });
  try {
    return ours.createMediaStreamSource(stream);
  } catch (error) {
    ours.close();
    if (error.name !== "NotSupportedError") throw error;
    return new AudioContext().createMediaStreamSource(stream);
  }
}

async function resampled(pieces, sampleRate) {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const buffer = new AudioBuffer({ length, sampleRate });
  let at = 0;
  for (const piece of pieces) {
    buffer.copyToChannel(piece, 0, at);
    at += piece.length;
  }
  const context = new OfflineAudioContext(1, Math.ceil((length * RATE) / sampleRate), RATE);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

export function wav(pieces) {
  const count = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const view = new DataView(new ArrayBuffer(44 + count * 2));
  const text = (at, word) => [...word].forEach((c, n) => view.setUint8(at + n, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + count * 2, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, RATE, true);
  view.setUint32(28, RATE * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, count * 2, true);
  let at = 44;
  for (const piece of pieces) {
    for (const sample of piece) {
      view.setInt16(at, Math.round(Math.min(Math.max(sample, -1), 1) * 32767), true);
      at += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}
