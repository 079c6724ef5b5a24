"""The public data of the worked cases, read into tables; `data/README.md` says where each is from."""

from importlib.resources import files
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).with_name("data")


def minimum_wage() -> pd.DataFrame:
    """Counties by year: ``employment`` and ``population`` in logarithms, ``first`` year of a higher minimum wage."""
    wide = pd.read_csv(FOLDER / "minimum_wage.csv")
    df = wide.melt(["county", "first", "population"], var_name="year", value_name="employment")
    return df.assign(
        year=df["year"].astype(int), employment=np.log(df["employment"]), population=np.log(df["population"] / 1000)
    )


def smoking() -> pd.DataFrame:
    """States by year: ``packs`` a head; ``treated`` is California, ``after`` from 1989 on."""
    df = pd.read_csv(FOLDER / "smoking.csv").melt("State", var_name="year", value_name="packs")
    df = df.rename(columns={"State": "state"}).assign(year=df["year"].astype(int))
    return df.assign(treated=df["state"] == "California", after=df["year"] >= 1989)


def organ_donors() -> pd.DataFrame:
    """States by quarter: ``rate``; ``treated`` is California, ``after`` from 2011Q3 on."""
    df = pd.read_csv(FOLDER / "organ_donors.csv").melt("State", var_name="quarter", value_name="rate")
    df = df.rename(columns={"State": "state"})
    return df.assign(treated=df["state"] == "California", after=df["quarter"] >= "2011Q3")


def mroz() -> pd.DataFrame:
    """Women: ``lwage``, ``educ``, ``exper`` and its square, schooling of both parents."""
    df = pd.read_csv(FOLDER / "mroz.csv")
    return df.assign(lwage=np.log(df["wage"]), expersq=df["exper"] ** 2)


def schooling() -> pd.DataFrame:
    """Men: ``lwage``, ``educ``, colleges near, ``region`` as a name."""
    df = pd.read_csv(FOLDER / "schooling.csv")
    return df.assign(lwage=np.log(df["wage"]), expersq=df["exper"] ** 2, region=df["region"].map("region {}".format))


def _of_statsmodels(folder: str, name: str) -> pd.DataFrame:
    return pd.read_csv(StringIO(files(f"statsmodels.{folder}").joinpath(name).read_text(encoding="utf-8")))


def framing() -> pd.DataFrame:
    """Answers to a story on immigration, which ``treat`` makes frightening, of Brader, Valentino and Suhay (2008)."""
    return _of_statsmodels("stats.tests.results", "framing.csv")


def births() -> pd.DataFrame:
    """Births of Cattaneo (2010): ``bweight``, whether the mother smokes, and of her."""
    df = _of_statsmodels("treatment.tests.results", "cataneo2.csv")
    says = {"smokes": "smoker", "mmarried": "married", "fbaby": "Yes", "prenatal1": "Yes"}
    yes = {name: (df["mbsmoke" if name == "smokes" else name] == word).astype(int) for name, word in says.items()}
    return df.assign(**yes, mage2=df["mage"] ** 2)


DATA = {one.__name__: one for one in (minimum_wage, smoking, organ_donors, mroz, schooling, births, framing)}
