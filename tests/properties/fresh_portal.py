"""The beginning of an example: a database that is put back as it was, and the model of what it holds."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

from models import db
from tests.builders import BEGAN, World
from tests.properties.portal_model import MOMENT, Person, PortalModel, Price
from tests.support.databases import DatabaseFactory

#: (who registered it, contracted users, points) of the customers of the beginning.
CUSTOMERS = (("msp_a", 12, 0), ("msp_a", 30, 45), ("msp_b", 10, 100), ("distributor", 1, 9))
MSPS = ("msp_a", "msp_b", "support")
STOCK = 10_000


@dataclass
class FreshPortal:
    """A world whose database returns to its beginning: a copied file, or a copied PostgreSQL database."""

    world: World
    databases: DatabaseFactory
    database_url: str
    customers: list[int] = field(default_factory=list)

    def keep(self) -> None:
        """Add the customers and keep the database as it is now."""
        for parent, users, points in CUSTOMERS:
            viewer = getattr(self.world, parent)
            self.customers.append(self.world.customer(parent=viewer, users=users, points_held=points))
        self._leave_alone()
        if self.databases.postgres is not None:
            self.databases.postgres.create_database(self._kept_name, template=self._name)
            return
        # What a write-ahead log held was taken over when the last connection was closed.
        shutil.copy(self._path, self._kept_path)

    def begin(self) -> PortalModel:
        """Put the database back to its beginning and return the model of it."""
        self._leave_alone()
        if self.databases.postgres is not None:
            self.databases.postgres.create_database(self._name, template=self._kept_name)
        else:
            shutil.copy(self._kept_path, self._path)
        return self._model()

    def forget(self) -> None:
        """Drop what was kept."""
        if self.databases.postgres is not None:
            self.databases.postgres.drop_database(self._kept_name)
        else:
            self._kept_path.unlink()

    def person(self, name: str) -> Person:
        """Return one of the world's viewers as the model knows them."""
        viewer = getattr(self.world, name)
        return Person(viewer.account_type.value, viewer.account_id)

    @property
    def _name(self) -> str:
        return self.database_url.rpartition("/")[2]

    @property
    def _kept_name(self) -> str:
        return f"{self._name}_kept"

    @property
    def _path(self) -> Path:
        return self.databases.folder / self._name

    @property
    def _kept_path(self) -> Path:
        return self.databases.folder / self._kept_name

    def _leave_alone(self) -> None:
        db.session.remove()
        db.engine.dispose()
        if self.databases.postgres is None:
            assert not self._path.with_name(f"{self._name}-wal").exists(), "somebody still has it open"

    def _model(self) -> PortalModel:
        operator, distributor = self.person("operator"), self.person("distributor")
        model = PortalModel(operator=operator.account_id, began=BEGAN)
        model.prices = [Price(kind, BEGAN - MOMENT, 10, 10, 1) for kind in ("customer", "msp", "support")]
        wanted = [("distributor", operator, 10), *((name, distributor, 10) for name in MSPS)]
        for name, parent, users in wanted:
            one = self.person(name)
            model.begin_service(model.enter(one.account_id, one.kind, parent.account_id, users), BEGAN)
        assert not model.add(operator, distributor.account_id, 4 * STOCK, BEGAN)
        for name in MSPS:
            assert not model.add(distributor, self.person(name).account_id, STOCK, BEGAN)
        for account_id, (parent_name, users, points) in zip(self.customers, CUSTOMERS, strict=True):
            row = model.enter(account_id, "customer", self.person(parent_name).account_id, users)
            model.begin_service(row, BEGAN)
            if points:
                assert not model.add(distributor, account_id, points, BEGAN)
        return model
