"""Icons: the drawings that Launcher ships, the picker, and the page of all icons.

Read `picker` first. `drawings` sends files, `picking` is what the form of an app needs, `manage` is
`/admin/icons` with the colour set, and `words` has what all of them say.

How a form lets its user pick an icon
-------------------------------------

The form has the hidden fields `icon` and `letters`, as `launcher.icons.choice` defines them, and
`return_to`: its own address, which accepts POST. A button leads to the picker:

    <button name="pick" value="open" formaction="{{ url_for('icons.show') }}" formnovalidate
            data-picks-icon="{{ url_for('icons.show') }}">…</button>

Without script, the picker is a page that carries every other field, and sends all back to
`return_to` with `pick`. So a view that accepts the form asks `picking.picked(request.form)` first:
None means that the form is being saved; else the view shows the form again, with these two fields.

With script (`picker.js`), the picker opens in a dialog over the form and only sets the two fields,
then sends `change` from `icon`. Inside the form, `[data-icon-shown]` is replaced by the picture
that was chosen, and `[data-icon-name]` gets its name.
"""
