"""What an HDF5 file holds itself, and what in it leads to other files."""

import h5py


def contents(file: h5py.File) -> tuple[dict[str, tuple[int, ...]], dict[str, str]]:
    """The arrays of an open file, those in groups too: shapes by name; and what leads elsewhere by name, with where to."""
    shapes, elsewhere = {}, {}

    def visit(name, item):
        if not isinstance(item, h5py.Dataset):
            return
        if item.is_virtual:  # its very shape may be asked of other files
            elsewhere[name] = "a virtual dataset, put together from other arrays"
        elif item.external:
            elsewhere[name] = f"kept in another file, {item.external[0][0]} (external storage)"
        elif item.shape is not None:
            shapes[name] = item.shape

    def visit_link(name, info):
        if info.type == h5py.h5l.TYPE_HARD:
            return
        name = name.decode(errors="replace")
        link = file.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            elsewhere[name] = f"an external link, to {link.path} of {link.filename}"
        else:
            elsewhere[name] = f"a soft link, to {link.path}" if isinstance(link, h5py.SoftLink) else "a link of an unknown kind"

    file.visititems(visit)
    file.id.links.visit(visit_link, info=True)
    return shapes, elsewhere
