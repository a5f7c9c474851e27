/** What a device of this computer is opened with, however it is driven. */
export interface HardwareOptions {
  /** "default", a part of a card's name as `arecord -l` shows it, or a name that the driver's own side knows. */
  device: string;
  /** Without it the driver chooses. */
  rate_hz?: number | undefined;
  /** DEVICE_SILENT after so much digital silence; 0 and without it: never. */
  silence_limit_s?: number | undefined;
}
