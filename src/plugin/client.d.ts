// Types of imports with `?swanc`: add "swanc/client" to `types` in tsconfig.json, or write
// /// <reference types="swanc/client" />
//
// A pattern can have one star, so it says how an import ends: in `?swanc`, in `&swanc` behind any options, or in one of the
// options below, with any others before it: `./model.json?samples=100&calibration=data.npy&swanc`.

declare module '*?swanc' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&swanc' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&data-format=npy' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&data-format=npz' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&data-format=image' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&data-format=parquet' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&data-format=safetensors' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&data-format=json' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&data-format=jsonl' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&data-format=csv' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&data-header' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&image-resize=bilinear' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&image-resize=none' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&image-crop=center' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&image-crop=none' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&image-channels=1' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&image-channels=3' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&image-channels=4' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&image-layout=last' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&image-layout=first' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&target=cpu' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&target=webgpu' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&target=edge' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&external-data' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&gate-outputs' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&mode=dense' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&mode=dynamic' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&mode=auto' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&dead=proved' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&dead=observed' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&tune=measured' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&tune=predicted' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&no-tuned-costs' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&precision=fp32' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&precision=fp16' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&precision=int8' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&no-verify' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
declare module '*&verify-each' {
  export * from 'swanc/plugin/model';
  export { default } from 'swanc/plugin/model';
}
