// The checkout page: sends the cart and shows the receipt.

export async function checkout(cart) {
  const answer = await fetch("/orders", { method: "POST", body: JSON.stringify(cart) });
  return showReceipt(await answer.json());
}

function showReceipt(order) {
  document.querySelector("#receipt").textContent = `Order ${order.number}: ${order.total}`;
}
