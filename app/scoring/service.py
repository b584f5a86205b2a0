"""The scoring service's routes.

`POST /v1/score` takes the three views as JPEGs (multipart; several of each make a batch) and says
of every task how probable success is, what that means at the task's threshold, and how far the
detector's report lets it be trusted. Every route but `/healthz` asks for an API key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, NamedTuple

import numpy as np
from fastapi import Depends, FastAPI, File, Form, HTTPException, Request, Response, UploadFile
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from numpy.typing import NDArray

from app.scoring.figures import CountedRequests, Figures
from app.scoring.keys import ApiKeys
from app.scoring.limits import Limits, RateLimit, SizeLimit
from app.scoring.messages import DetectorEntry, Health, Judgement, Scores, judgement
from data.episodes.frames import CAMERAS, ImageHWC, decode_jpeg, jpeg_size
from data.errors import CorruptData, GoalpostError, InvalidInput, unknown_name
from data.workspace import Workspace
from sd_model.approval import approvals
from sd_model.artefact import list_detectors
from sd_model.serving.batching import Batcher, Overloaded
from sd_model.serving.current import CurrentDetector, Trusted

REFRESH_S = 2.0
"""How often a newer approved detector is looked for."""

_BEARER = HTTPBearer(auto_error=False, description="`goalpost keys add NAME` makes a key.")
_LOG = logging.getLogger("goalpost.scoring")
_Images = Mapping[str, ImageHWC]


class _Asked(NamedTuple):
    """One frame set to judge."""

    images: _Images
    robot: str | None


class _Judged(NamedTuple):
    """One frame set's scores, and whose they are."""

    trusted: Trusted
    score_T: NDArray[np.float32]


def scoring_service(
    workspace: Workspace,
    current: CurrentDetector,
    *,
    limits: Limits | None = None,
    refresh_s: float = REFRESH_S,
    workers: int = 1,
) -> FastAPI:
    """The service as an ASGI application.

    Args:
        current: The detector in use; looked after every `refresh_s` seconds.
        limits: See `Limits` for the defaults.
        workers: Batches that are judged at the same time.
    """
    limits = limits or Limits()
    keys = ApiKeys(workspace)
    rate = RateLimit(limits)

    def judge(asked: Sequence[_Asked]) -> list[_Judged]:
        trusted = current.trusted  # the same one for the whole batch
        figures.batch.observe(len(asked))
        figures.frame_sets.labels(trusted.detector.detector_id).inc(len(asked))
        score_NT = trusted.detector.score(
            [each.images for each in asked], [each.robot for each in asked]
        )
        return [_Judged(trusted, score_T) for score_T in score_NT]

    batcher: Batcher[_Asked, _Judged] = Batcher(judge, largest=limits.frame_sets, workers=workers)
    figures = Figures(lambda: batcher.waiting)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(_look_for_newer(current, figures, refresh_s))
        yield
        looking.cancel()
        await asyncio.to_thread(batcher.close)

    service = FastAPI(
        title="Goalpost scoring",
        description="Did the task succeed, judged from three images.",
        version="1",
        lifespan=lifespan,
    )
    service.add_middleware(SizeLimit, limit_bytes=limits.request_bytes)
    service.add_middleware(CountedRequests, figures=figures)

    async def owner(given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> str:
        name = None if given is None else keys.owner(given.credentials)
        if name is None:
            raise HTTPException(
                401,
                "This needs an API key: send 'Authorization: Bearer KEY'. "
                "`goalpost keys add NAME` makes one.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return name

    @service.exception_handler(GoalpostError)
    async def tell(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, Overloaded):
            return JSONResponse({"detail": str(error)}, 503, headers={"Retry-After": "1"})
        return JSONResponse({"detail": str(error)}, 422)

    @service.post("/v1/score", summary="Judge frame sets", response_model=Scores)
    async def score(
        over_shoulder: Annotated[list[UploadFile], File(description="JPEG, one a frame set")],
        left: Annotated[list[UploadFile], File(description="JPEG, one a frame set")],
        right: Annotated[list[UploadFile], File(description="JPEG, one a frame set")],
        task: Annotated[list[str] | None, Form(description="Only these; default: all")] = None,
        robot: Annotated[str | None, Form(description="Whose cell the frames show")] = None,
        name: str = Depends(owner),
    ) -> Response:
        uploads = dict(zip(CAMERAS, (over_shoulder, left, right), strict=True))
        count = _frame_set_count(uploads, limits)
        wait_s = rate.wait_s(name, count)
        if wait_s > 0:
            raise HTTPException(
                429,
                f"'{name}' may ask for {limits.per_second:g} frame sets a second.",
                headers={"Retry-After": str(int(wait_s) + 1)},
            )
        contents = {
            camera: [await upload.read() for upload in files] for camera, files in uploads.items()
        }
        frames = await asyncio.to_thread(_decode, contents, count, limits)
        asked = [_Asked(images, robot) for images in frames]
        waiting = [asyncio.wrap_future(batcher.submit(each)) for each in asked]
        judged = await asyncio.gather(*waiting)
        if len({each.trusted.detector.detector_id for each in judged}) > 1:
            # A newer detector was taken in between two batches: one answer is one detector's.
            judged = await asyncio.to_thread(judge, asked)
        answer = _answer(judged, task, robot)  # written here: FastAPI would check it once more
        return Response(answer.model_dump_json(), media_type="application/json")

    @service.get("/v1/detectors", summary="Which detectors there are")
    def detectors(name: str = Depends(owner)) -> list[DetectorEntry]:
        approved = {each.detector_id: each.by for each in approvals(workspace)}
        used = current.trusted.detector.detector_id
        return [
            DetectorEntry(
                detector=each.detector_id,
                tasks=list(each.tasks.names),
                holdout=list(each.holdout),
                approved_by=approved.get(each.detector_id),
                in_use=each.detector_id == used,
            )
            for each in list_detectors(workspace)
        ]

    @service.get("/healthz", summary="Whether the service is there")
    async def health() -> Health:
        return Health(detector=current.trusted.detector.detector_id)

    @service.get("/metrics", summary="Figures for Prometheus", response_class=PlainTextResponse)
    async def metrics(name: str = Depends(owner)) -> Response:
        return Response(figures.text(), media_type="text/plain; version=0.0.4")

    return service


async def _look_for_newer(current: CurrentDetector, figures: Figures, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            if await asyncio.to_thread(current.refresh):
                figures.exchanges.inc()
                _LOG.warning("Now serving %s", current.trusted.detector.detector_id)
        except GoalpostError as error:  # the one in use goes on
            _LOG.error("%s", error)


def _frame_set_count(uploads: Mapping[str, Sequence[UploadFile]], limits: Limits) -> int:
    counts = {camera: len(files) for camera, files in uploads.items()}
    if len(set(counts.values())) > 1:
        raise InvalidInput(
            f"The views do not go together: {counts}.",
            next_step="Send as many images of each camera, in the same order.",
        )
    count = next(iter(counts.values()))
    if count > limits.frame_sets:
        raise InvalidInput(
            f"{count} frame sets are too many for one request.",
            valid=[f"1 to {limits.frame_sets}"],
            next_step="Send several requests; they are judged together all the same.",
        )
    return count


def _decode(
    contents: Mapping[str, Sequence[bytes]], count: int, limits: Limits
) -> list[dict[str, ImageHWC]]:
    return [
        {camera: _image(contents[camera][index], camera, limits) for camera in contents}
        for index in range(count)
    ]


def _image(jpeg: bytes, camera: str, limits: Limits) -> ImageHWC:
    try:
        size = jpeg_size(jpeg)
        if size.width * size.height > limits.image_pixels:
            raise InvalidInput(
                f"An image of '{camera}' has {size.width} x {size.height} pixels.",
                valid=[f"up to {limits.image_pixels} pixels"],
                next_step="Send a smaller one; detectors look at far fewer.",
            )
        return decode_jpeg(jpeg)
    except CorruptData as error:
        raise InvalidInput(
            f"An image of '{camera}' is not a readable JPEG.",
            next_step="Send each view as a JPEG file.",
        ) from error


def _answer(judged: Sequence[_Judged], tasks: Sequence[str] | None, robot: str | None) -> Scores:
    trusted = judged[0].trusted
    detector = trusted.detector
    for task in tasks or ():
        if task not in detector.tasks:
            raise unknown_name("task of the detector", task, detector.tasks)
    score_NT = np.stack([each.score_T for each in judged])
    decision_NT, unsure_NT = detector.decide(score_NT), detector.unsure(score_NT)
    results: list[list[Judgement]] = [
        [
            judgement(
                trusted, task, float(score_T[column]), decision=bool(decision_T[column]),
                unsure=bool(unsure_T[column]), robot=robot,
            )
            for column, task in enumerate(detector.tasks)
            if tasks is None or task in tasks
        ]
        for score_T, decision_T, unsure_T in zip(score_NT, decision_NT, unsure_NT, strict=True)
    ]  # fmt: skip
    return Scores(detector=detector.detector_id, results=results)
