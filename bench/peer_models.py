"""A leave-one-out cut in, fitted models of implicit, LensKit and RecTools out, each as its makers ship it.

Every peer is ``fit(cut, **settings) -> Lister``; ``PEERS`` has what is tried for it on validation, library defaults
first. ``decay`` is no setting of a library: it weighs the history at the question, for those that take weights.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from leave_one_out import Cut, Histories, Ints, K, best_first, validated

Lister = Callable[[Histories, Ints, float], Ints]
"""Histories of all shoppers, shoppers asked for (m,) and decay in; product numbers (m, K) out, −1 where short."""
Grid = Mapping[str, Sequence[Any]]

DECAYS = (1.0, 0.8, 0.6, 0.4)


def _implicit(cut: Cut, model: Any, recency: float = 1.0, **asked: Any) -> Lister:
    model.fit(cut.matrix(cut.train, recency), show_progress=False)

    def lists(histories: Histories, users: Ints, decay: float) -> Ints:
        rows = cut.matrix(histories, decay)[users]
        return np.asarray(model.recommend(users, rows, N=K, filter_already_liked_items=True, **asked)[0], np.int64)

    return lists


def implicit_als(cut: Cut, recency: float, **settings: Any) -> Lister:
    """Hu, Koren & Volinsky 2008; the shopper's factors are solved again from the history at the question."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(**settings, iterations=15, num_threads=1, random_state=0)
    return _implicit(cut, model, recency, recalculate_user=True)


def implicit_bpr(cut: Cut, **settings: Any) -> Lister:
    """Rendle et al. 2009. It has no fold-in: the validation product is masked at the test, not learned from."""
    from implicit.bpr import BayesianPersonalizedRanking

    return _implicit(cut, BayesianPersonalizedRanking(**settings, num_threads=1, random_state=0))


def implicit_cosine(cut: Cut, **settings: Any) -> Lister:
    """Item-kNN with cosine similarity."""
    from implicit.nearest_neighbours import CosineRecommender

    return _implicit(cut, CosineRecommender(**settings, num_threads=1))


def implicit_bm25(cut: Cut, **settings: Any) -> Lister:
    """Item-kNN over BM25-weighted counts."""
    from implicit.nearest_neighbours import BM25Recommender

    return _implicit(cut, BM25Recommender(**settings, num_threads=1))


def _lenskit(cut: Cut, scorer: Any) -> Lister:
    from lenskit.data import ItemList, RecQuery, from_interactions_df

    owners = np.repeat(np.arange(len(cut.train)), [len(taken) for taken in cut.train])
    scorer.train(from_interactions_df(pd.DataFrame({"user_id": owners, "item_id": np.concatenate(cut.train)})))
    trained = np.isin(np.arange(len(cut.products)), np.concatenate(cut.train))
    every = ItemList(item_ids=np.flatnonzero(trained))  # it fails on a product that it was not trained on

    def one(user: int, taken: Ints) -> Ints:
        found = scorer(RecQuery(user_id=int(user), user_items=ItemList(item_ids=taken[trained[taken]])), every)
        scores = np.full(len(trained), -np.inf)
        scores[trained] = found.scores()
        return best_first(scores, taken)

    def lists(histories: Histories, users: Ints, decay: float) -> Ints:
        return np.stack([one(user, histories[user]) for user in users])

    return lists


def lenskit_knn(cut: Cut, **settings: Any) -> Lister:
    """Deshpande & Karypis 2004 as LensKit has it, implicit feedback."""
    from lenskit.knn import ItemKNNScorer

    return _lenskit(cut, ItemKNNScorer(feedback="implicit", **settings))


def lenskit_mf(cut: Cut, **settings: Any) -> Lister:
    """Hu, Koren & Volinsky 2008 with exact solves; the shopper's vector is solved again at the question."""
    from lenskit.als import ImplicitMFScorer

    return _lenskit(cut, ImplicitMFScorer(user_embeddings=False, **settings))


def _rectools_data(cut: Cut, histories: Histories, decay: float) -> Any:
    from rectools.dataset import Dataset, IdMap, Interactions

    sizes = [len(taken) for taken in histories]
    places = np.concatenate([np.arange(size) for size in sizes])
    ages = np.repeat(sizes, sizes) - 1 - places
    frame = pd.DataFrame(
        {
            "user_id": np.repeat(np.arange(len(histories)), sizes),
            "item_id": np.concatenate(histories),
            "weight": decay**ages,
            "datetime": pd.Timestamp("2020-01-01") + pd.to_timedelta(places, unit="D"),
        }
    )
    return Dataset(IdMap(np.arange(len(cut.shoppers))), IdMap(np.arange(len(cut.products))), Interactions(frame))


def _rectools(cut: Cut, model: Any) -> Lister:
    def lists(histories: Histories, users: Ints, decay: float) -> Ints:
        data = _rectools_data(cut, histories, decay)
        found = model.recommend(users=users, dataset=data, k=K, filter_viewed=True)
        table = np.full((len(cut.shoppers), K), -1, np.int64)
        table[found["user_id"].to_numpy(), found["rank"].to_numpy() - 1] = found["item_id"].to_numpy()
        return table[users]

    return lists


def rectools_popular(cut: Cut) -> Lister:
    """How many shoppers took it."""
    from rectools.models import PopularModel

    return _rectools(cut, PopularModel().fit(_rectools_data(cut, cut.train, 1.0)))


def rectools_ease(cut: Cut, **settings: Any) -> Lister:
    """Steck 2019."""
    from rectools.models import EASEModel

    return _rectools(cut, EASEModel(**settings, recommend_n_threads=1).fit(_rectools_data(cut, cut.train, 1.0)))


def rectools_knn(cut: Cut, **settings: Any) -> Lister:
    """RecTools' wrapper of implicit's TF-IDF item-kNN."""
    from implicit.nearest_neighbours import TFIDFRecommender
    from rectools.models import ImplicitItemKNNWrapperModel

    model = ImplicitItemKNNWrapperModel(TFIDFRecommender(**settings, num_threads=1))
    return _rectools(cut, model.fit(_rectools_data(cut, cut.train, 1.0)))


def _trainer(max_epochs: int = 1) -> Any:
    from pytorch_lightning import Trainer

    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(max_epochs=max_epochs, accelerator="cpu", devices=1, enable_model_summary=False, **quiet)


@dataclass(frozen=True)
class Trained:
    """A Lister with an account of its training."""

    lister: Lister
    account: Mapping[str, Any]

    def __call__(self, histories: Histories, users: Ints, decay: float) -> Ints:
        return self.lister(histories, users, decay)


def rectools_sasrec(cut: Cut, minutes: float, **settings: Any) -> Trained:
    """Kang & McAuley 2018 with cross-entropy over all products; stops after five rounds of two epochs without a better
    NDCG on validation, or when ``minutes`` of processor time are over, and keeps the best round.

    RecTools' own softmax loss also scores the padding and then drops it; scoring the real positions alone is the same
    loss in a third of the time on short histories. Library defaults but for what ``PEERS`` names.
    """
    import torch
    from pytorch_lightning import seed_everything
    from rectools.models import SASRecModel
    from rectools.models.nn.transformers.lightning import TransformerLightningModule

    class RealPositions(TransformerLightningModule):
        def training_step(self, batch: dict[str, Any], batch_idx: int) -> Any:
            items = self.torch_model.item_model.get_all_embeddings()
            real = batch["y"] != 0
            logits = self.torch_model.encode_sessions(batch, items)[real] @ items.T
            return torch.nn.functional.cross_entropy(logits, batch["y"][real])

    torch.set_num_threads(1)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    seed_everything(0, verbose=False)
    own = {"loss": "softmax", "lightning_module_type": RealPositions, "get_trainer_func": _trainer}
    model = SASRecModel(**settings, **own)
    data, lister = _rectools_data(cut, cut.train, 1.0), _rectools(cut, model)
    begun, epochs, best, at, kept = process_time(), 0, -1.0, 0, {}
    while epochs - at < 10 and process_time() - begun < minutes * 60:
        model.fit_partial(data, min_epochs=2, max_epochs=2)
        epochs += 2
        reached = validated(cut, lister)
        print(f"  epoch {epochs}: {reached:.4f}, {process_time() - begun:.0f} s", flush=True)
        if reached > best:
            best, at, kept = reached, epochs, copy.deepcopy(model.torch_model.state_dict())
    model.torch_model.load_state_dict(kept)
    return Trained(lister, {"epochs": epochs, "best_epoch": at, "stopped_by_time": epochs - at < 10})


PEERS: Mapping[str, tuple[Callable[..., Lister], Grid]] = {
    "rectools Popular": (rectools_popular, {}),
    "implicit cosine item-kNN": (implicit_cosine, {"K": (20, 100, 500, 2000), "decay": DECAYS}),
    "implicit BM25 item-kNN": (
        implicit_bm25,
        {"K": (20, 100, 500, 2000), "K1": (1.2, 0.5, 100.0), "B": (0.75, 0.2, 0.0), "decay": DECAYS},
    ),
    "rectools TF-IDF item-kNN": (rectools_knn, {"K": (20, 100, 500, 2000), "decay": DECAYS}),
    "lenskit ItemKNN": (lenskit_knn, {"max_nbrs": (20, 100), "save_nbrs": (None, 500)}),
    "implicit ALS": (
        implicit_als,
        {
            "factors": (128, 256, 64),
            "regularization": (0.01, 5.0, 20.0, 50.0),
            "alpha": (1.0, 10.0, 40.0),
            "recency": (1.0, 0.8),
            "decay": DECAYS,
        },
    ),
    "rectools SASRec": (
        rectools_sasrec,
        {
            # nothing is tried: one training is all the time there is. Width and heads as eSASRec, from the same makers,
            # has them for Amazon Beauty, blocks and dropout by default. The newest 20 instead of 50: 4 shoppers in 100
            # have more, and a round takes half as long
            "dropout_rate": (0.2,),
            "n_factors": (64,),
            "n_blocks": (2,),
            "n_heads": (1,),
            "session_max_len": (20,),
            "minutes": (20,),
        },
    ),
    "rectools EASE": (rectools_ease, {"regularization": (500.0, 50.0), "decay": DECAYS}),
    "implicit BPR": (
        implicit_bpr,
        {"factors": (128, 64), "learning_rate": (0.01, 0.05), "iterations": (100, 300), "regularization": (0.01, 0.05)},
    ),
    "lenskit ImplicitMF": (
        lenskit_mf,
        # exact solves: 128 dimensions cost minutes a fit
        {"embedding_size": (64,), "regularization": (0.1, 5.0, 20.0), "weight": (40.0, 10.0)},
    ),
}
