"""How well a model points: the share of its heat that lies where a blend was put in, of people held
out. Not a test.

python tests/pointing.py --frames-dir data/faces_frames --splits data/faces_splits.json
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from datasets.crops import FaceFrames  # noqa: E402
from datasets.registry import load_registry  # noqa: E402
from datasets.sampling import Draw  # noqa: E402
from datasets.splits import load_or_make_splits  # noqa: E402
from network.checkpoint import load_checkpoint  # noqa: E402
from network.gradcam import heat_by_place, heat_for, predict_with_cam  # noqa: E402
from pictures.transforms import to_tensor  # noqa: E402
from utils.config import BEST_MODEL_NAME, FAKE, FRAMES_DIR, MODELS_DIR, REAL, SPLITS_FILE  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODELS_DIR / BEST_MODEL_NAME)
    parser.add_argument("--frames-dir", type=Path, default=FRAMES_DIR)
    parser.add_argument("--splits", type=Path, default=SPLITS_FILE)
    parser.add_argument("--split", default="val", choices=("val", "test"))
    parser.add_argument("--crops", type=int, default=300)
    args = parser.parse_args()
    best = load_checkpoint(args.model)
    videos = load_registry(args.frames_dir)["videos"]
    videos = [video for video in videos if any(frame["crop"] for frame in video["frames"])]
    videos = load_or_make_splits(args.splits, videos, 0, official=None)[args.split]
    videos = [video for video in videos if video["label"] == REAL]
    dataset = FaceFrames(args.frames_dir, videos, best.preprocessing, True, self_blend=True)
    dataset.wide = True
    chosen = np.random.default_rng(0).choice(len(dataset), args.crops, replace=False)
    blends = [dataset.blend_of(Draw(int(n), int(n), 0, 1.0, "blend")) for n in chosen]
    evaluation = FaceFrames(args.frames_dir, videos, best.preprocessing, False).transform
    images = torch.stack([evaluation(to_tensor(blend.fake)) for blend in blends])
    edge = (blends[0].mask.shape[0] - round(blends[0].mask.shape[0] * 7 / 8)) // 2
    masks = np.stack([blend.mask[edge:-edge, edge:-edge] for blend in blends])
    masks /= np.maximum(masks.max(axis=(1, 2), keepdims=True), 1e-6)
    print(f"{args.model}: share of heat inside the masks of {args.crops} blends")
    print(f"   spread evenly  {masks.mean():.3f}")
    for best.model.by_place, name in ((False, "Grad-CAM"), (True, "by place")):
        _, evidence = predict_with_cam(best.model, images)
        heats = heat_by_place(evidence) if best.model.by_place else heat_for(evidence, FAKE)
        shares = []
        for heat, mask in zip(heats, masks, strict=True):
            heat = cv2.resize(heat, mask.shape[::-1])
            if heat.any():
                shares.append((heat * mask).sum() / heat.sum())
        print(f"   {name:14} {np.mean(shares):.3f}, heat in {len(shares)} of them")


if __name__ == "__main__":
    main()
