"""CLIP's byte-level BPE over the `tokenizers` library, framed to 77 ids. No torch."""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdedge.errors import ModelError, Remedy
from sdedge.json_values import read_json
from sdedge.text.vocabulary import read_vocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Engine

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
LENGTH = 77
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

MAX_BYTES = 16 << 20  # of a file, packed or unpacked; CLIP's largest has 4 MB
MAX_ID = 1 << 24
_HALVES = re.compile("[\ud800-\udfff]")

Merge = tuple[str, str]


@dataclass(frozen=True)
class Tokenizer:
    """Text to token ids and back, equal to transformers' CLIPTokenizer.

    `vocab` maps tokens to ids and holds `<|startoftext|>` and `<|endoftext|>`; `merges` is in order of rank.
    """

    vocab: dict[str, int]
    merges: tuple[Merge, ...]

    @classmethod
    def from_folder(cls, folder: str | Path) -> Tokenizer:
        """Reads `vocab.json` + `merges.txt`, or `tokenizer.json`, or CLIP's BPE file. Raises ModelError."""
        folder = Path(folder)
        if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            vocab, merges = _json(folder / "vocab.json"), _text(folder / "merges.txt").splitlines()
            return cls._checked(folder, vocab, _pairs(merges))
        if (folder / "tokenizer.json").is_file():
            return cls.from_tokenizer_json(folder / "tokenizer.json")
        for name in ("bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt"):
            if (folder / name).is_file():
                return cls.from_bpe_file(folder / name)
        raise ModelError(
            f"No tokenizer in {folder}: expected vocab.json with merges.txt, tokenizer.json or "
            f"bpe_simple_vocab_16e6.txt.gz; {Remedy.INSTALL_VOCABULARY}.",
            remedy=Remedy.INSTALL_VOCABULARY,
        )

    @classmethod
    def from_tokenizer_json(cls, path: str | Path) -> Tokenizer:
        """Reads the vocabulary out of a `tokenizer.json` written by transformers. Raises ModelError."""
        model = _json(Path(path)).get("model")
        merges, vocab = (model.get("merges"), model.get("vocab")) if isinstance(model, dict) else (None, None)
        written = [m for m in merges if isinstance(m, str | list)] if isinstance(merges, list) else []
        lines = [m if isinstance(m, str) else " ".join(map(str, m)) for m in written]
        return cls._checked(Path(path), vocab, _pairs(lines))

    @classmethod
    def from_bpe_file(cls, path: str | Path) -> Tokenizer:
        """Builds from OpenAI's `bpe_simple_vocab_16e6.txt(.gz)`, whose token order is implied. Raises ModelError."""
        path = Path(path)
        lines = _text(path).split("\n")
        # The file goes on past the 48,894 merges CLIP uses: 49152 - 256 - 2 of them count.
        merges = _pairs(lines[1 : 49152 - 256 - 2 + 1])
        alphabet = byte_alphabet()
        tokens = [*alphabet, *(c + "</w>" for c in alphabet), *(a + b for a, b in merges), BOS, EOS]
        return cls._checked(path, {token: i for i, token in enumerate(tokens)}, merges)

    @classmethod
    def _checked(cls, where: Path, vocab: Any, merges: tuple[Merge, ...]) -> Tokenizer:
        """Raises ModelError for what is no vocabulary, for ids that are none, and for merges of or into unknown tokens."""
        if not isinstance(vocab, dict) or BOS not in vocab or EOS not in vocab or not merges:
            raise ModelError(f"{where} is not a CLIP vocabulary: it lacks {BOS}, {EOS} or merges; use another file.")
        for token, id in vocab.items():
            if type(id) is not int or not 0 <= id < MAX_ID:
                raise ModelError(
                    f"{where} gives the token {token[:40]!r} the id {id!r:.40}, which is no id; get it again."
                )
        for left, right in merges:
            if left not in vocab or right not in vocab or left + right not in vocab:
                pair = f"{left[:40]} {right[:40]}"
                raise ModelError(
                    f"{where} merges {pair!r}, of which the vocabulary lacks a part or the whole; get it again."
                )
        return cls(vocab, merges)

    def save(self, folder: str | Path) -> None:
        """Writes `vocab.json`, `merges.txt` and the two small files that transformers looks for."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        special = {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": EOS}
        config = {**special, "model_max_length": LENGTH, "do_lower_case": True, "tokenizer_class": "CLIPTokenizer"}
        merges = ["#version: 0.2", *(" ".join(pair) for pair in self.merges), ""]
        (folder / "vocab.json").write_text(json.dumps(self.vocab, ensure_ascii=False), "utf-8")
        (folder / "merges.txt").write_text("\n".join(merges), "utf-8")
        (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2), "utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2), "utf-8")

    @property
    def bos(self) -> int:
        """Id of the start token (49406 in CLIP)."""
        return self.vocab[BOS]

    @property
    def eos(self) -> int:
        """Id of the end token, which also pads (49407 in CLIP)."""
        return self.vocab[EOS]

    @cached_property
    def _engine(self) -> Engine:
        merges = list(self.merges)
        from tokenizers import Regex, normalizers, pre_tokenizers
        from tokenizers import Tokenizer as Engine
        from tokenizers.models import BPE

        engine = Engine(BPE(self.vocab, merges, unk_token=EOS, end_of_word_suffix="</w>", continuing_subword_prefix=""))
        engine.normalizer = normalizers.Sequence(
            [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
        )
        engine.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        )
        engine.add_special_tokens([BOS, EOS])
        return engine

    @cached_property
    def spellings(self) -> dict[int, str]:
        """Tokens as they stand in the vocabulary, by id."""
        return {id: token for token, id in self.vocab.items()}

    def ids(self, text: str) -> list[int]:
        """Returns the token ids of `text`, any length, without start and end. Half surrogates are read as U+FFFD."""
        return self._engine.encode(_without_surrogates(text), add_special_tokens=False).ids

    def tokens(self, text: str) -> list[str]:
        """Returns the tokens of `text` as they stand in the vocabulary, `</w>` marking the end of a word."""
        return self._engine.encode(_without_surrogates(text), add_special_tokens=False).tokens

    def located(self, text: str) -> list[tuple[int, int]]:
        """Returns the token ids of `text`, each with the place in it where its token begins."""
        encoding = self._engine.encode(_without_surrogates(text), add_special_tokens=False)
        return [(id, start) for id, (start, _) in zip(encoding.ids, encoding.offsets)]

    def frame(self, ids: Iterable[int]) -> list[int]:
        """Returns start, at most 75 ids, end, padded with end to 77."""
        framed = list(ids)[: LENGTH - 2]
        return [self.bos, *framed, *[self.eos] * (LENGTH - 1 - len(framed))]


def byte_alphabet() -> list[str]:
    """Returns the 256 printable characters that stand for bytes, in the order of GPT-2's and CLIP's vocabularies."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]


def from_vocabulary(vocabulary: Iterable[str]) -> Tokenizer:
    """Returns a small vocabulary in which each of `words` is one token and every other text still has tokens.

    Byte-pair encoding learnt to the end (Sennrich et al. 2016), each word counted once.
    """
    alphabet = byte_alphabet()
    pieces = [[*word[:-1], word[-1] + "</w>"] for word in dict.fromkeys(vocabulary)]
    merges: list[Merge] = []
    while pairs := Counter(pair for parts in pieces for pair in pairwise(parts)):
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        pieces = [_merged(parts, best) for parts in pieces]
    tokens = [*alphabet, *(c + "</w>" for c in alphabet), *dict.fromkeys(a + b for a, b in merges), BOS, EOS]
    return Tokenizer({token: i for i, token in enumerate(tokens)}, tuple(merges))


def _merged(parts: list[str], pair: Merge) -> list[str]:
    out: list[str] = []
    for part in parts:
        # A product never equals the left half of its own pair, so no part merges twice.
        if out and (out[-1], part) == pair:
            out[-1] += part
        else:
            out.append(part)
    return out


def _pairs(lines: Iterable[str]) -> tuple[Merge, ...]:
    split = (line.split() for line in lines if not line.startswith("#version"))
    return tuple((parts[0], parts[1]) for parts in split if len(parts) == 2)


def _without_surrogates(text: str) -> str:
    return _HALVES.sub("\ufffd", text)


def _json(path: Path) -> dict[str, Any]:
    value = read_json(read_vocabulary(path, MAX_BYTES, "get it again"), str(path), max_bytes=MAX_BYTES)
    if not isinstance(value, dict):
        raise ModelError(f"{path} does not hold a JSON object; get it again.")
    return value


def _text(path: Path) -> str:
    data = read_vocabulary(path, MAX_BYTES, "get it again")
    try:
        if path.suffix == ".gz":
            unpacker = zlib.decompressobj(wbits=31)
            data = unpacker.decompress(data, MAX_BYTES)
            if not unpacker.eof:
                raise ModelError(f"{path} is cut off or unpacks to more than {MAX_BYTES >> 20} MB; get it again.")
        return data.decode("utf-8-sig")
    except (zlib.error, UnicodeDecodeError) as error:
        raise ModelError(f"{path} is not a vocabulary's text ({str(error)[:100]}); get it again.") from None
