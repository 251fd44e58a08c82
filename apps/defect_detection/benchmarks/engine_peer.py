"""A plain inference server: FastAPI, Ultralytics `predict` behind a lock, one process.

``python -m apps.defect_detection.benchmarks.engine_peer KIND ARTEFACT SOCKET`` serves at a Unix
socket, as the engine does: ``POST /predict`` takes a JPEG and answers its boxes.
"""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import uvicorn
from fastapi import Body, FastAPI

from apps.defect_detection.benchmarks.peers import open_peer

FLOOR, OVERLAP = 0.25, 0.7


def server(predict: Callable[[list[Any], float, float], Any]) -> FastAPI:
    """The server around a model that is loaded; FastAPI runs `answer` in its thread pool."""
    app = FastAPI()
    lock = threading.Lock()  # Ultralytics' predictor is not safe from several threads

    @app.post("/predict")
    def answer(body: bytes = Body(media_type="image/jpeg")) -> dict[str, Any]:
        image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
        with lock:
            found = predict([image], FLOOR, OVERLAP)[0]
        rows = found.boxes.data.tolist()
        return {"boxes": [[*row[:5], found.names[int(row[5])]] for row in rows]}

    @app.get("/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    return app


def main(argv: list[str]) -> int:
    """Load, warm up, serve until it is ended."""
    predict = open_peer(argv[0], Path(argv[1]))
    for _ in range(3):
        predict([np.zeros((640, 640, 3), np.uint8)], FLOOR, OVERLAP)
    uvicorn.run(server(predict), uds=argv[2], log_level="warning")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
